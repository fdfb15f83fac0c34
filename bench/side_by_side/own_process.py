"""A row in a process of its own, whose libraries find the right number of threads when they start."""
import json
import os
import subprocess

LIMITS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"


def run(command, threads):
    """What the command prints on its last line, JSON; or why there is none."""
    environment = {**os.environ, **{name: str(threads) for name in LIMITS}}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout.strip().split("\n")[-1])
    reason = done.stderr.strip().split("\n")[-1]
    return {"failed": reason or f"its process ended with status {done.returncode}"}
