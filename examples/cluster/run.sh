#!/bin/sh
# Runs everything here in small, on one machine: run.sh FOLDER, which is made. Job arrays are run task by task, with the
# variables that Slurm sets. Snakemake is left out where it is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

/usr/bin/env "${PYTHON:-python3}" - <<'END'
import pathlib
import numpy
random = numpy.random.default_rng(1)
pathlib.Path("corpus").mkdir(exist_ok=True)
for i in range(24):
    numpy.save(f"corpus/shard{i:02}.npy", random.normal(0.3, 1, (200, 48)).astype("float32"))
numpy.save("layer.npy", random.normal(0.3, 1, (300, 48)).astype("float32"))
END

# job_array TASKS SCRIPT ARGUMENT...
job_array() {
  tasks=$1
  shift
  for task in $(seq 0 $((tasks - 1))); do
    SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=$tasks SLURM_ARRAY_TASK_MIN=0 SLURM_CPUS_PER_TASK=1 \
      sh "$@"
  done
}

echo "== Slurm"
mkdir -p slurm
find "$PWD/corpus" -name '*.npy' | sort >shards.txt
job_array 5 "$here/accumulate.slurm" shards.txt slurm/states --blocks 16
sh "$here/merge.slurm" slurm/states slurm/corpus.state
job_array 5 "$here/accumulate.slurm" shards.txt slurm/states --blocks 16 # nothing is left to do
job_array 3 "$here/permute.slurm" 100 slurm/pieces layer.npy --scheme feature
sh "$here/merge.slurm" slurm/pieces slurm/baseline.result
job_array 4 "$here/pair_groups.slurm" slurm/wide layer.npy --groups F=48 --heads F=12
job_array 4 "$here/pair_groups.slurm" slurm/wide layer.npy --groups F=48 --heads F=12 # all pieces are there
sh "$here/merge.slurm" slurm/wide slurm/wide.result
qkvsim analyze slurm/corpus.state --interval jackknife --json slurm/corpus.json --quiet
qkvsim analyze slurm/baseline.result --json slurm/baseline.json --quiet

echo "== make"
make --no-print-directory -s -C "$PWD" -f "$here/Makefile" -j2 CORPUS=corpus LAYER=layer.npy PIECES=3 PERMUTATIONS=100
make --no-print-directory -C "$PWD" -f "$here/Makefile" CORPUS=corpus LAYER=layer.npy PIECES=3 PERMUTATIONS=100 --question

if command -v snakemake >/dev/null; then
  echo "== Snakemake"
  mkdir -p snakemake
  snakemake --quiet all --cores 2 --snakefile "$here/Snakefile" --directory snakemake \
    --config corpus=../corpus layer=../layer.npy pieces=3 permutations=100
fi

echo "== the same numbers, whoever divided the work"
/usr/bin/env "${PYTHON:-python3}" - <<'END'
import json
import pathlib
import subprocess
run = subprocess.run(["qkvsim", "analyze", "layer.npy", "--scheme", "feature", "--permutations", "100", "--json", "-"],
                     check=True, capture_output=True)
conditions = lambda text: json.loads(text)["layers"][0]["conditions"]
folders = [folder for folder in (".", "slurm", "snakemake") if pathlib.Path(folder, "baseline.json").exists()]
assert len(folders) >= 2
subprocess.run(["qkvsim", "analyze", "layer.npy", "--groups", "F=48", "--heads", "F=12", "--save", "wide.result", "--quiet"],
               check=True)
assert pathlib.Path("slurm/wide.result").read_bytes() == pathlib.Path("wide.result").read_bytes()
for folder in folders:
    assert conditions(pathlib.Path(folder, "baseline.json").read_text()) == conditions(run.stdout), folder
    (corpus,) = conditions(pathlib.Path(folder, "corpus.json").read_text())
    assert corpus["observations"] == 4800 and corpus["interval"]["replicates"] >= 8, folder
    print(folder, "is one run")
END
