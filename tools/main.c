/*
 * qkvsim, the program: from argv to a command, from its result to the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "commands.h"
#include "output.h"
#include "progress.h"

static const char help[] =
    "Similarities within and across the Q, K and V activations of transformer layers.\n"
    "\n"
    "  qkvsim analyze INPUT... [options]       histograms and moments of every pair group\n"
    "  qkvsim matrix INPUT... --output PATH    one similarity matrix, as .npy\n"
    "  qkvsim pairs INPUT... [options]         pairs of features over a threshold, or the top k\n"
    "  qkvsim mask --groups SPEC               the mask, or its pair groups, codes and counts\n"
    "  qkvsim info [INPUT...]                  what is in a file; library, OpenBLAS, kernels\n"
    "  qkvsim bench [options]                  how fast it is on this machine, next to OpenBLAS\n"
    "\n"
    "INPUT is a 2-d .npy file, observations x features, or a .safetensors file with --tensor, of\n"
    "floating-point numbers or integers; model.safetensors.index.json or all the shards of a "
    "model\n"
    "are one input. Rows and columns count from 0.\n"
    "\n"
    "Groups (analyze, pairs, mask)\n"
    "  --groups SPEC            thirds (default), or widths in order: Q=576,K=192,V=192\n"
    "  --heads SPEC             splits groups into heads: Q=9,K=3,V=3 gives Q0..Q8, K0..K2, "
    "V0..V2\n"
    "  --interleaved            columns come head by head: q, k, v of head 0, then of head 1, ...\n"
    "\n"
    "Input (analyze, pairs, matrix)\n"
    "  --tensor [GROUP=]NAME    a tensor of a .safetensors file; repeat for several parts. With\n"
    "                           GROUP= the parts are the groups\n"
    "  --tensor 'Q=layers.*.q'  a pattern; each text that * stands for is a layer\n"
    "  --parts                  the inputs are parts of one layer, not layers\n"
    "  --fold                   arrays of more dimensions, batch x tokens x features: all but the\n"
    "                           last are observations\n"
    "  --targets ROWS           target observations: a text file with a row number a line, an "
    ".npy\n"
    "                           of integers or booleans, or a list like 3,17,40-59\n"
    "  --on-nonfinite WHAT      error (default), drop-observation, undefined-feature\n"
    "  --precision f32|f64      arithmetic; default f64 for float64 input, else f32\n"
    "  --threads N              default: all cores\n"
    "\n"
    "Analysis. Several inputs, or a pattern, are layers: one result each, in natural order\n"
    "  --metrics LIST           cosine,pearson (default), spearman\n"
    "  --bins N                 equal bins on [-1, 1]; default 100\n"
    "  --pair-groups LIST       only these: Q-K,V-V; default all\n"
    "  --statistic [METRIC.]NAME\n"
    "                           offset_share (default), offset_share_raw, offset_energy,\n"
    "                           variance_energy, mean_offset_square, noise_fraction, mean,\n"
    "                           variance, skewness, kurtosis, tail, min, max or, of correlations,\n"
    "                           mean_square: what intervals, tests and figures of heads and\n"
    "                           layers are of, and which pair groups are shown of many\n"
    "  --permutations N         random baseline for each condition; default 0\n"
    "  --scheme NAME            what a permutation exchanges: all (default): every value;\n"
    "                           group: every value of a group; feature: the values of a feature;\n"
    "                           shift: each feature is rotated by a lag of its own;\n"
    "                           observations: those of a group, its features together (are Q\n"
    "                           and K related?); observations-shift: each group is rotated by a "
    "lag\n"
    "                           flip: each observation of a group, less the mean, gets a random "
    "sign\n"
    "  --covariates FILE        .npy, observations x columns: taken out of every feature; "
    "residuals\n"
    "                           move (Freedman & Lane). Schemes feature, observations, flip\n"
    "  --exchange NAME          observations (default), or segments: whole ones of equal length;\n"
    "                           with --compare, labels are dealt to segments\n"
    "  --compare N              targets against non-targets: distances, p-values from N\n"
    "                           relabellings, and a band from N subsets of equal size\n"
    "  --relabel NAME           labels (default): dealt anew; label-shift: rotated by a lag\n"
    "  --centred                relabel observations less the mean of their own condition; with\n"
    "                           --metrics pearson, spearman or both\n"
    "  --exceedances H          stop permutations and relabellings when of everything tested H "
    "are\n"
    "                           at most and H at least the observed value: no p would be small\n"
    "  --interval NAME          jackknife: blocks left out in turn; bootstrap: blocks drawn\n"
    "  --blocks G               jackknife: default 20, or half the observations\n"
    "  --resamples N, --block L bootstrap: resamples (1000), rows of a block (their cube root)\n"
    "  --level P                of intervals; default 0.95\n"
    "  --contrast A,B           with --interval: how two pair groups or roll-ups differ; repeat\n"
    "  --segments FILE          a number for each observation (its document), text or .npy: no\n"
    "                           lag and no block crosses from one to the next\n"
    "  --seed S                 default 0\n"
    "\n"
    "Pairs\n"
    "  --threshold V            all with |value| >= V\n"
    "  --top K                  the K largest |value|; with --threshold, of those over it\n"
    "  --per-pair-group         the top K of each pair group\n"
    "  --metric NAME            cosine (default), pearson, spearman\n"
    "  --sign NAME              both (default); positive: value >= V; negative: value <= -V\n"
    "  --limit N                a threshold that gives more is an error; default 10,000,000\n"
    "  --pair-groups LIST       only these: Q-K,V-V; default all\n"
    "\n"
    "Output\n"
    "  --json PATH, --csv PATH  results as files; - is standard output and replaces the table\n"
    "  --figure PATH            a figure; PATH ends in .svg, .pdf or .png\n"
    "  --output PATH            matrix, mask: the .npy file; - is standard output\n"
    "  --metric NAME            matrix: cosine (default), pearson, spearman, covariance, dot\n"
    "  --quiet                  no table, no progress\n"
    "  --help or -h, --version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static bool print_text(FILE *stream, const void *content, struct failure *failure)
{
    (void)failure;
    return fputs(content, stream) != EOF;
}

static bool print_version(FILE *stream, const void *content, struct failure *failure)
{
    (void)content;
    (void)failure;
    return fprintf(stream, "qkvsim %s\n", qkvsim_version()) > 0;
}

static bool run(const struct options *options, struct failure *failure)
{
    if (options->help)
        return output_write("-", print_text, help, failure);
    if (options->version)
        return output_write("-", print_version, NULL, failure);
    switch (options->command) {
    case COMMAND_MATRIX:
        return command_matrix(options, failure);
    case COMMAND_MASK:
        return command_mask(options, failure);
    case COMMAND_PAIRS:
        return command_pairs(options, failure);
    case COMMAND_INFO:
        return command_info(options, failure);
    case COMMAND_BENCH:
        return command_bench(options, failure);
    default:
        return command_analyze(options, failure);
    }
}

/* A closed standard descriptor would be given to the next file opened, and a message meant for a
 * person would end up in it. A read-only one in its place makes writing to it the error it is. */
static void hold_standard_descriptors(void)
{
    for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF
            && open("/dev/null", O_RDONLY) != descriptor)
            exit(EXIT_FAILED);
}

/*
 * OpenBLAS starts threads of its own while it is loaded, of which this program uses none. Where address
 * space is limited, one without room for its buffer asks for it for ever, and the end of the program
 * waits for that thread. Only the environment tells OpenBLAS not to, and only before it is loaded.
 */
static void start_without_openblas_threads(char **argv)
{
    static const char name[] = "OPENBLAS_NUM_THREADS";
    const char *threads = getenv(name);
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
        && (threads == NULL || strcmp(threads, "1") != 0) && setenv(name, "1", 1) == 0)
        execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    start_without_openblas_threads(argv);
    hold_standard_descriptors();
    setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters, and nothing else */
    progress_catch_signals();
    struct options options;
    struct failure failure = { .exit_status = EXIT_DONE };
    if (!options_parse(argc, argv, &options, &failure))
        return failure_report(&failure);
    bool done = run(&options, &failure);
    options_free(&options);
    return done ? EXIT_DONE : failure_report(&failure);
}
