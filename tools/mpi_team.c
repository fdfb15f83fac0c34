/*
 * A team of MPI's ranks. There are messages between two ranks alone: where one has failed, the
 * others are told, and no collective call waits for it. What waits looks, and rests in between:
 * ranks may be more than processors.
 */
#include "mpi_team.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "progress.h"

enum {
    TAG_PIECE, /* how many bytes; TAG_DATA follows */
    TAG_DATA,
    TAG_SENT, /* as TAG_PIECE, between any two; TAG_SENT_DATA follows */
    TAG_SENT_DATA,
    TAG_FAILED, /* a failure */
    TAG_SHARE,
    TAG_STOP,
    TAG_TOLD, /* as TAG_PIECE, from the first */
    TAG_END   /* the last of a rank */
};

/* Counts are int, and what nobody wants any more is received in parts that fit anywhere. */
enum { PART = 1 << 22 };

struct mpi_message {
    void *bytes;
    int64_t size;
    MPI_Request *requests;
    int count;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Longer each time, up to 2 ms. */
static void rest(long *nanoseconds)
{
    const struct timespec pause = { .tv_nsec = *nanoseconds };
    nanosleep(&pause, NULL);
    *nanoseconds = *nanoseconds < 1000000 ? 2 * *nanoseconds : 2000000;
}

static bool is_there(int rank, int tag, MPI_Status *status)
{
    int there = 0;
    MPI_Iprobe(rank, tag, MPI_COMM_WORLD, &there, status);
    return there != 0;
}

/* ---- bytes, in parts ---- */

static int part_size(int64_t size, int64_t at)
{
    return size - at < PART ? (int)(size - at) : PART;
}

static bool receive_bytes(int rank, int tag, void **bytes, int64_t *size, struct failure *failure)
{
    const int data = tag == TAG_SENT ? TAG_SENT_DATA : TAG_DATA;
    MPI_Recv(size, 1, MPI_INT64_T, rank, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    char *to = malloc((size_t)*size + 1);
    *bytes = to;
    if (to == NULL)
        return fail_no_memory(failure);
    for (int64_t at = 0; at < *size; at += PART)
        MPI_Recv(to + at, part_size(*size, at), MPI_BYTE, rank, data, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    return true;
}

static void free_message(struct mpi_message *message)
{
    free(message->bytes);
    free(message->requests);
    free(message);
}

/* Takes the bytes over; NULL without memory. */
static struct mpi_message *begin_message(int rank, int tag, void *bytes, int64_t size)
{
    const int data = tag == TAG_SENT ? TAG_SENT_DATA : TAG_DATA;
    struct mpi_message *message = calloc(1, sizeof *message);
    MPI_Request *requests = calloc((size_t)(size / PART + 2), sizeof(MPI_Request));
    if (message == NULL || requests == NULL) {
        free(message);
        free(requests);
        free(bytes);
        return NULL;
    }
    *message = (struct mpi_message){ .bytes = bytes, .size = size, .requests = requests };
    MPI_Isend(&message->size, 1, MPI_INT64_T, rank, tag, MPI_COMM_WORLD,
              &requests[message->count++]);
    for (int64_t at = 0; at < size; at += PART)
        MPI_Isend((char *)bytes + at, part_size(size, at), MPI_BYTE, rank, data, MPI_COMM_WORLD,
                  &requests[message->count++]);
    return message;
}

/* The first receives whatever it is sent, to the end of the run: this ends. */
static void finish_message(struct mpi_team *mpi)
{
    int sent = mpi->message == NULL;
    for (long pause = 20000; !sent; rest(&pause))
        MPI_Testall(mpi->message->count, mpi->message->requests, &sent, MPI_STATUSES_IGNORE);
    if (mpi->message != NULL)
        free_message(mpi->message);
    mpi->message = NULL;
}

/* ---- the team's calls ---- */

static bool is_stopped(struct mpi_team *mpi)
{
    mpi->stopped = mpi->stopped || is_there(0, TAG_STOP, MPI_STATUS_IGNORE);
    return mpi->stopped;
}

/* Work goes on while the bytes do. */
static bool give(struct team *team, void *bytes, int64_t size, struct failure *failure)
{
    struct mpi_team *mpi = (struct mpi_team *)team;
    finish_message(mpi);
    if (is_stopped(mpi)) {
        free(bytes);
        return fail(failure, "ended by the first rank");
    }
    mpi->message = begin_message(0, TAG_PIECE, bytes, size);
    return mpi->message != NULL || fail_no_memory(failure);
}

static void receive_shares(struct mpi_team *mpi)
{
    MPI_Status status;
    while (is_there(MPI_ANY_SOURCE, TAG_SHARE, &status))
        MPI_Recv(&mpi->shares[status.MPI_SOURCE], 1, MPI_DOUBLE, status.MPI_SOURCE, TAG_SHARE,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static bool take_failure(int rank, struct failure *failure)
{
    struct failure of;
    MPI_Recv(&of, (int)sizeof of, MPI_BYTE, rank, TAG_FAILED, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    fail(failure, "rank %d: %s", rank, of.text);
    failure->exit_status = of.exit_status;
    return false;
}

/* A failure comes behind all that its rank gave. */
static bool take(struct team *team, int rank, bool in_turn, void **bytes, int64_t *size,
                 struct failure *failure)
{
    struct mpi_team *mpi = (struct mpi_team *)team;
    MPI_Status status;
    for (long pause = 20000;; rest(&pause)) {
        receive_shares(mpi);
        if (is_there(rank, TAG_PIECE, &status))
            return receive_bytes(rank, TAG_PIECE, bytes, size, failure);
        if (is_there(in_turn ? rank : MPI_ANY_SOURCE, TAG_FAILED, &status)
            && (!in_turn || !is_there(rank, TAG_PIECE, MPI_STATUS_IGNORE)))
            return take_failure(status.MPI_SOURCE, failure);
        if (progress_interrupted())
            return fail(failure, "interrupted");
        if (team->wait != NULL)
            team->wait(team->user);
    }
}

/* Whether the work has ended for this rank: by the first, or at the first by this other one or an
 * interrupt. */
static bool is_ended(struct mpi_team *mpi, int rank, struct failure *failure)
{
    if (mpi->team.rank != 0)
        return is_stopped(mpi) && !fail(failure, "ended by the first rank");
    if (is_there(rank, TAG_FAILED, MPI_STATUS_IGNORE)
        && !is_there(rank, TAG_SENT, MPI_STATUS_IGNORE))
        return !take_failure(rank, failure);
    return progress_interrupted() && !fail(failure, "interrupted");
}

/* What was sent there before has to be on its way: no more than one message waits for each rank. */
static bool send_to(struct team *team, int rank, void *bytes, int64_t size, struct failure *failure)
{
    struct mpi_team *mpi = (struct mpi_team *)team;
    struct mpi_message **sent = &mpi->sent[rank];
    int gone = *sent == NULL;
    mpi->sends = true;
    for (long pause = 20000; !gone; rest(&pause)) {
        MPI_Testall((*sent)->count, (*sent)->requests, &gone, MPI_STATUSES_IGNORE);
        if (!gone && is_ended(mpi, rank, failure)) {
            free(bytes);
            return false;
        }
    }
    if (*sent != NULL)
        free_message(*sent);
    *sent = begin_message(rank, TAG_SENT, bytes, size);
    return *sent != NULL || fail_no_memory(failure);
}

static bool receive_from(struct team *team, int rank, void **bytes, int64_t *size,
                         struct failure *failure)
{
    struct mpi_team *mpi = (struct mpi_team *)team;
    for (long pause = 20000; !is_there(rank, TAG_SENT, MPI_STATUS_IGNORE); rest(&pause)) {
        if (is_ended(mpi, rank, failure))
            return false;
        if (team->wait != NULL && team->rank == 0)
            team->wait(team->user);
    }
    return receive_bytes(rank, TAG_SENT, bytes, size, failure);
}

static bool hear(struct mpi_team *mpi, void **bytes, int64_t *size, struct failure *failure)
{
    for (long pause = 20000; !is_there(0, TAG_TOLD, MPI_STATUS_IGNORE); rest(&pause))
        if (is_stopped(mpi))
            return fail(failure, "ended by the first rank");
    return receive_bytes(0, TAG_TOLD, bytes, size, failure);
}

static bool tell(struct team *team, void **bytes, int64_t *size, struct failure *failure)
{
    if (team->rank != 0)
        return hear((struct mpi_team *)team, bytes, size, failure);
    for (int rank = 1; rank < team->size; rank++) {
        MPI_Send(size, 1, MPI_INT64_T, rank, TAG_TOLD, MPI_COMM_WORLD);
        for (int64_t at = 0; at < *size; at += PART)
            MPI_Send((char *)*bytes + at, part_size(*size, at), MPI_BYTE, rank, TAG_DATA,
                     MPI_COMM_WORLD);
    }
    return true;
}

static double mean_of(const double *shares, int count)
{
    double sum = 0;
    for (int k = 0; k < count; k++)
        sum += shares[k];
    return sum / count;
}

static bool goes_on(struct team *team, double *share)
{
    enum { TELLINGS_A_SECOND = 5 };
    struct mpi_team *mpi = (struct mpi_team *)team;
    if (team->rank == 0) {
        receive_shares(mpi);
        if (share != NULL) {
            mpi->shares[0] = *share;
            *share = mean_of(mpi->shares, team->size);
        }
        const bool failed = is_there(MPI_ANY_SOURCE, TAG_FAILED, MPI_STATUS_IGNORE);
        mpi->heard = failed && share != NULL;
        return !failed;
    }
    if (share != NULL && seconds() - mpi->told > 1.0 / TELLINGS_A_SECOND) {
        MPI_Send(share, 1, MPI_DOUBLE, 0, TAG_SHARE, MPI_COMM_WORLD);
        mpi->told = seconds();
    }
    return !is_stopped(mpi);
}

/* ---- life ---- */

bool mpi_team_open(struct mpi_team *mpi, struct failure *failure)
{
    *mpi = (struct mpi_team){ .team = { .give = give,
                                        .take = take,
                                        .tell = tell,
                                        .send = send_to,
                                        .receive = receive_from,
                                        .goes_on = goes_on } };
    MPI_Comm_rank(MPI_COMM_WORLD, &mpi->team.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &mpi->team.size);
    mpi->shares = calloc((size_t)mpi->team.size, sizeof *mpi->shares);
    mpi->sent = calloc((size_t)mpi->team.size, sizeof *mpi->sent);
    return (mpi->shares != NULL && mpi->sent != NULL) || fail_no_memory(failure);
}

void mpi_team_settle(struct mpi_team *mpi, bool done, struct failure *failure)
{
    MPI_Status status;
    if (mpi->team.rank == 0) {
        if (!done && mpi->heard && !progress_interrupted()
            && is_there(MPI_ANY_SOURCE, TAG_FAILED, &status))
            take_failure(status.MPI_SOURCE, failure);
        return;
    }
    finish_message(mpi);
    if (!done && !is_stopped(mpi))
        MPI_Send(failure, (int)sizeof *failure, MPI_BYTE, 0, TAG_FAILED, MPI_COMM_WORLD);
    failure->text[0] = '\0';
}

/* Receives and forgets what a rank sends, up to its end; false where that took a failure. */
static bool drain(int rank, bool *ended, struct failure *failure)
{
    static char forgotten[PART];
    MPI_Status status;
    *ended = false;
    while (!*ended && is_there(rank, MPI_ANY_TAG, &status)) {
        if (status.MPI_TAG == TAG_FAILED)
            return take_failure(rank, failure);
        MPI_Recv(forgotten, PART, MPI_BYTE, rank, status.MPI_TAG, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
        *ended = status.MPI_TAG == TAG_END;
    }
    return true;
}

/* Where this process is to end at once, and others may have, it does not wait for ever. */
static bool drain_all(struct mpi_team *mpi, struct failure *failure)
{
    enum { SECONDS_LEFT = 5 };
    const double begun = seconds();
    bool sound = true;
    for (int rank = 1; rank < mpi->team.size; rank++) {
        bool ended = false;
        for (long pause = 20000; !ended;) {
            struct failure of;
            if (!drain(rank, &ended, &of)) {
                *failure = of;
                sound = false;
            }
            if (!ended)
                rest(&pause);
            if (progress_interrupted() && seconds() - begun > SECONDS_LEFT)
                MPI_Abort(MPI_COMM_WORLD, EXIT_FAILED);
        }
    }
    return sound;
}

/* All is received where the work is done; else it is left to the end of the process. */
static void free_sent(struct mpi_team *mpi, bool done)
{
    for (int rank = 0; done && rank < mpi->team.size; rank++)
        if (mpi->sent[rank] != NULL) {
            MPI_Waitall(mpi->sent[rank]->count, mpi->sent[rank]->requests, MPI_STATUSES_IGNORE);
            free_message(mpi->sent[rank]);
        }
    if (done)
        free(mpi->sent);
}

bool mpi_team_close(struct mpi_team *mpi, bool done, struct failure *failure)
{
    bool sound = true;
    if (mpi->team.rank != 0)
        MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_END, MPI_COMM_WORLD);
    for (int rank = 1; !done && mpi->team.rank == 0 && rank < mpi->team.size; rank++)
        MPI_Send(NULL, 0, MPI_BYTE, rank, TAG_STOP, MPI_COMM_WORLD);
    if (mpi->team.rank == 0)
        sound = drain_all(mpi, failure);
    else if (is_stopped(mpi))
        MPI_Recv(NULL, 0, MPI_BYTE, 0, TAG_STOP, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (mpi->team.rank == 0 && mpi->sends && !done)
        MPI_Abort(MPI_COMM_WORLD,
                  failure->exit_status); /* there is what nobody receives any more */
    free_sent(mpi, done);
    free(mpi->shares);
    return sound || !done;
}
