/*
 * MPI: each rank analyses its share of 200 permutations, and rank 0 merges them, to the bits of one
 * process. Results travel packed: a merge can fail and say why, which a reduction of MPI's cannot.
 */
#include "capture.h"
#include <mpi.h>

enum { PERMUTATIONS = 200, RANKS_MOST = 64, BYTES_MOST = 1 << 22 };
static char bytes[BYTES_MOST];

static qkvsim_baseline *run_share(qkvsim_context *context, int rank, int ranks)
{
    qkvsim_view view = capture_view();
    qkvsim_input input = { .struct_size = sizeof input, .parts = &view, .part_count = 1 };
    qkvsim_baseline_options share = { .struct_size = sizeof share, .total = PERMUTATIONS };
    share.first = PERMUTATIONS * rank / ranks;
    share.permutations = PERMUTATIONS * (rank + 1) / ranks - share.first;
    int64_t widths[] = { CAPTURE_QUERIES, CAPTURE_KEYS, CAPTURE_VALUES };
    qkvsim_layout *layout;
    qkvsim_baseline *made;
    must(qkvsim_layout_widths(context, widths, NULL, 3, &layout), context, "layout");
    must(qkvsim_baseline_run(context, &input, layout, NULL, &share, &made), context, "run");
    return made;
}

static qkvsim_baseline *receive(qkvsim_context *context, int rank)
{
    int size;
    MPI_Status status;
    qkvsim_baseline *made;
    MPI_Recv(bytes, BYTES_MOST, MPI_BYTE, rank, 0, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_BYTE, &size);
    must(qkvsim_baseline_unpack(context, bytes, size, &made), context, "unpack");
    return made;
}

int main(void)
{
    int rank, ranks;
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks); /* up to RANKS_MOST */
    qkvsim_context *context;
    must(qkvsim_context_create(NULL, &context), NULL, "context");
    const qkvsim_baseline *pieces[RANKS_MOST] = { run_share(context, rank, ranks) };
    int size = (int)qkvsim_baseline_packed_size(pieces[0]);
    must(qkvsim_baseline_pack(context, pieces[0], bytes, BYTES_MOST), context, "pack");
    for (int k = 1; rank == 0 && k < ranks; k++)
        pieces[k] = receive(context, k);
    qkvsim_baseline *all;
    if (rank > 0)
        MPI_Send(bytes, size, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
    else
        must(qkvsim_baseline_merge(context, pieces, ranks, &all), context, "merge");
    if (rank == 0)
        printf("Variance of the cosines of Q and K: z = %.17g\n",
               qkvsim_baseline_statistic(all, 1, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_VARIANCE,
                                         QKVSIM_SUMMARY_Z));
    return MPI_Finalize();
}
