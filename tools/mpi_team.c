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
    TAG_END,  /* the last of a rank */
    TAG_LEAVE /* the last of the first */
};

/* Counts are int, and what nobody wants any more is received in parts that fit anywhere. */
enum { PART = 1 << 22 };

struct mpi_message {
    void *bytes;
    int64_t size;
    MPI_Request *requests;
    int *gone; /* those that a look found */
    int count;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Longer each time, up to 2 ms. */
enum { SHORTEST_REST = 20000 };
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
    free(message->gone);
    free(message);
}

/* Takes the bytes over; NULL without memory. */
static struct mpi_message *begin_message(int rank, int tag, void *bytes, int64_t size)
{
    const int data = tag == TAG_SENT ? TAG_SENT_DATA : TAG_DATA;
    struct mpi_message *message = calloc(1, sizeof *message);
    MPI_Request *requests = calloc((size_t)(size / PART + 2), sizeof(MPI_Request));
    int *gone = calloc((size_t)(size / PART + 2), sizeof *gone);
    if (message == NULL || requests == NULL || gone == NULL) {
        free(message);
        free(requests);
        free(gone);
        free(bytes);
        return NULL;
    }
    *message =
        (struct mpi_message){ .bytes = bytes, .size = size, .requests = requests, .gone = gone };
    MPI_Isend(&message->size, 1, MPI_INT64_T, rank, tag, MPI_COMM_WORLD,
              &requests[message->count++]);
    for (int64_t at = 0; at < size; at += PART)
        MPI_Isend((char *)bytes + at, part_size(size, at), MPI_BYTE, rank, data, MPI_COMM_WORLD,
                  &requests[message->count++]);
    return message;
}

/* Whether a message has left, which is freed then and becomes NULL. While parts of it do, it is
 * looked at again soon: bytes move while somebody looks. */
static bool has_left(struct mpi_message **message, long *pause)
{
    int parts = MPI_UNDEFINED;
    if (*message != NULL)
        MPI_Testsome((*message)->count, (*message)->requests, &parts, (*message)->gone,
                     MPI_STATUSES_IGNORE);
    if (parts > 0)
        *pause = SHORTEST_REST;
    if (parts != MPI_UNDEFINED)
        return false;
    if (*message != NULL)
        free_message(*message);
    *message = NULL;
    return true;
}

/* The first receives whatever it is sent, to the end of the run: this ends. */
static void finish_message(struct mpi_team *mpi)
{
    for (long pause = SHORTEST_REST; !has_left(&mpi->message, &pause);)
        rest(&pause);
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
    for (long pause = SHORTEST_REST;; rest(&pause)) {
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

/* Whether the work has ended for this rank: by the first, or at the first by this other one, any
 * one where it does not go by turns, or an interrupt. */
static bool is_ended(struct mpi_team *mpi, int rank, bool in_turn, struct failure *failure)
{
    MPI_Status status;
    if (mpi->team.rank != 0)
        return is_stopped(mpi) && !fail(failure, "ended by the first rank");
    if (is_there(in_turn ? rank : MPI_ANY_SOURCE, TAG_FAILED, &status)
        && (!in_turn || !is_there(rank, TAG_SENT, MPI_STATUS_IGNORE)))
        return !take_failure(status.MPI_SOURCE, failure);
    return progress_interrupted() && !fail(failure, "interrupted");
}

/* What was sent there before has to be on its way: no more than one message waits for each rank. */
static bool send_to(struct team *team, int rank, void *bytes, int64_t size, struct failure *failure)
{
    struct mpi_team *mpi = (struct mpi_team *)team;
    for (long pause = SHORTEST_REST; !has_left(&mpi->sent[rank], &pause); rest(&pause))
        if (is_ended(mpi, rank, true, failure)) {
            free(bytes);
            return false;
        }
    mpi->sent[rank] = begin_message(rank, TAG_SENT, bytes, size);
    return mpi->sent[rank] != NULL || fail_no_memory(failure);
}

static bool receive_from(struct team *team, int rank, bool in_turn, void **bytes, int64_t *size,
                         struct failure *failure)
{
    struct mpi_team *mpi = (struct mpi_team *)team;
    for (long pause = SHORTEST_REST; !is_there(rank, TAG_SENT, MPI_STATUS_IGNORE); rest(&pause)) {
        if (is_ended(mpi, rank, in_turn, failure))
            return false;
        if (team->wait != NULL && team->rank == 0)
            team->wait(team->user);
    }
    return receive_bytes(rank, TAG_SENT, bytes, size, failure);
}

static bool hear(struct mpi_team *mpi, void **bytes, int64_t *size, struct failure *failure)
{
    for (long pause = SHORTEST_REST; !is_there(0, TAG_TOLD, MPI_STATUS_IGNORE); rest(&pause))
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

/* Takes what a rank, or any, has sent and nobody wants any more; false where there is nothing. */
static bool forget(int rank, MPI_Status *status)
{
    static char forgotten[PART];
    if (!is_there(rank, MPI_ANY_TAG, status))
        return false;
    MPI_Recv(forgotten, PART, MPI_BYTE, status->MPI_SOURCE, status->MPI_TAG, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    return true;
}

/* Forgets what a rank sends, up to its end; false where that took a failure. */
static bool drain(int rank, bool *ended, struct failure *failure)
{
    MPI_Status status;
    *ended = false;
    while (!*ended) {
        if (is_there(rank, TAG_FAILED, &status))
            return take_failure(rank, failure);
        if (!forget(rank, &status))
            return true;
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
        for (long pause = SHORTEST_REST; !ended;) {
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

static bool all_have_left(struct mpi_team *mpi, long *pause)
{
    bool left = true;
    for (int rank = 0; mpi->sent != NULL && rank < mpi->team.size; rank++)
        left = has_left(&mpi->sent[rank], pause) && left;
    return left;
}

/* Where the work has ended early there is on its way what its receiver does not wait for: every
 * rank takes that until all that it sent is taken, too, and the first lets all go. */
static void leave(struct mpi_team *mpi)
{
    MPI_Status status;
    bool told = false, let = false;
    for (long pause = SHORTEST_REST; !let; rest(&pause)) {
        while (!let && forget(MPI_ANY_SOURCE, &status))
            let = status.MPI_TAG == TAG_LEAVE;
        if (!told && all_have_left(mpi, &pause)) {
            MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_END, MPI_COMM_WORLD);
            told = true;
        }
    }
}

static void send_to_others(const struct mpi_team *mpi, int tag)
{
    for (int rank = 1; rank < mpi->team.size; rank++)
        MPI_Send(NULL, 0, MPI_BYTE, rank, tag, MPI_COMM_WORLD);
}

static bool let_leave(struct mpi_team *mpi, bool done, struct failure *failure)
{
    if (!done)
        send_to_others(mpi, TAG_STOP);
    const bool sound = drain_all(mpi, failure);
    for (long pause = SHORTEST_REST; !all_have_left(mpi, &pause);)
        rest(&pause);
    send_to_others(mpi, TAG_LEAVE);
    return sound;
}

bool mpi_team_close(struct mpi_team *mpi, bool done, struct failure *failure)
{
    bool sound = true;
    if (mpi->team.rank == 0)
        sound = let_leave(mpi, done, failure);
    else
        leave(mpi);
    free(mpi->sent);
    free(mpi->shares);
    return sound || !done;
}
