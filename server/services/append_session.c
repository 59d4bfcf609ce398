/* EventStore.AppendSession: many appends in flight on one call.
 *
 *   queue thread              writer thread             queue thread
 *   receive, submit    --->   commit, wake once   --->  settle, send the results that
 *   receive the next ...      for many appends          are known, in the order received
 *
 * An entry is one append on its way. Entries stay in the order received until their result
 * was sent:
 *
 *   RECEIVING --> COMMITTING --> SETTLED --> SENDING --> freed
 *                     (refused) ---^
 *
 * At most one receive and one send are underway. An entry that is COMMITTING belongs to the
 * writer, so it outlives the client if that vanishes, and the call is held for it. */
#include <assert.h>
#include <stdlib.h>

#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/proposal.h"
#include "server/services/services.h"
#include "server/services/submission.h"

enum {
    IN_FLIGHT_MAX = 256,
    IN_FLIGHT_BYTES_MAX = 16 << 20,     /* receives wait above it */
    MESSAGE_ARENA_BYTES_MAX = 64 << 20, /* of one message, unpacked, encoded and answered */
};

enum entry_state { RECEIVING, COMMITTING, SETTLED, SENDING };

struct entry {
    enum entry_state state;
    struct session *session;
    struct entry *next;     /* received after this one */
    struct inbox_link done; /* from the writer */
    struct arena arena;     /* the message, its append, its result */
    size_t bytes;           /* of the arena when it was added to the session's */
    uint64_t correlation_id;
    struct submission submission;
    struct status status; /* once settled */
};

struct session {
    struct call *call;
    const struct services *services;
    struct trace_entries trace; /* of the whole session */
    struct entry *oldest, *newest;
    unsigned in_flight;
    size_t in_flight_bytes;
    struct entry *receiving; /* not among the entries yet */
    bool sending;
    bool half_closed; /* the client has sent its last append */
    bool ended;       /* we have ended the call */
    bool closed;      /* the call is over */
    struct inbox done;
    struct step received, committed, sent, over;
};

static void receive(struct session *self);
static void on_received(struct step *step, bool ok);
static struct status submit(struct entry *entry, const Sagabase__V1__AppendSessionRequest *request);
static void on_done(struct intent *intent);
static void on_committed(struct step *step, bool ok);
static void send_results(struct session *self);
static void on_sent(struct step *step, bool ok);
static void on_closed(struct step *step, bool ok);

void append_session(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct session *self = arena_alloc(call_arena(call), sizeof *self);

    (void)message; /* the requests are received one by one */
    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "session: too large"));
    self->call = call;
    self->services = services;
    self->trace = trace_entries_of(call);
    self->received.run = on_received;
    self->committed.run = on_committed;
    self->sent.run = on_sent;
    self->over.run = on_closed;
    call_on_closed(call, &self->over);
    receive(self);
}

static void end(struct session *self, struct status status)
{
    assert(!self->ended);
    self->ended = true;
    call_end(self->call, status);
}

static struct status out_of_memory(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "session: out of memory");
}

/* --- entries ---------------------------------------------------------------- */

static struct entry *entry_create(struct session *session)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (!entry)
        return NULL;
    entry->session = session;
    entry->submission.append.intent.done = on_done;
    arena_init(&entry->arena, MESSAGE_ARENA_BYTES_MAX);
    return entry;
}

static void entry_free(struct entry *entry)
{
    arena_destroy(&entry->arena);
    free(entry);
}

static void add_newest(struct session *self, struct entry *entry)
{
    if (self->newest)
        self->newest->next = entry;
    else
        self->oldest = entry;
    self->newest = entry;
    self->in_flight++;
    entry->bytes = entry->arena.bytes_used;
    self->in_flight_bytes += entry->bytes;
}

static struct entry *take_oldest(struct session *self)
{
    struct entry *entry = self->oldest;

    self->oldest = entry->next;
    if (!self->oldest)
        self->newest = NULL;
    return entry;
}

/* --- receiving ---------------------------------------------------------------- */

static void receive(struct session *self)
{
    if (self->receiving || self->half_closed || self->ended)
        return;
    if (self->in_flight >= IN_FLIGHT_MAX || self->in_flight_bytes >= IN_FLIGHT_BYTES_MAX) {
        struct services *services = call_context(self->call);
        return counter_add(&services->sessions_full, 1);
    }
    self->receiving = entry_create(self);
    if (!self->receiving)
        return end(self, out_of_memory());
    call_receive(self->call, &self->receiving->arena, &self->received);
}

static void on_received(struct step *step, bool ok)
{
    struct session *self = container_of(step, struct session, received);
    struct entry *entry = self->receiving;
    const Sagabase__V1__AppendSessionRequest *request;

    self->receiving = NULL;
    if (!ok)
        return entry_free(entry); /* on_closed follows */
    request = (const void *)call_received(self->call);
    if (!request) {
        self->half_closed = true;
        entry_free(entry);
        return send_results(self);
    }
    entry->correlation_id = request->correlation_id;
    entry->state = COMMITTING;
    call_hold(self->call);
    entry->status = submit(entry, request);
    add_newest(self, entry);
    if (!status_ok(entry->status)) {
        call_release(self->call);
        entry->state = SETTLED;
        send_results(self);
    }
    receive(self);
}

static struct status submit(struct entry *entry, const Sagabase__V1__AppendSessionRequest *request)
{
    if (!request->append)
        return status_make(STATUS_INVALID_ARGUMENT, "append: required");
    TRY(proposal_read(request->append, &entry->session->trace, &entry->arena,
                      &entry->submission.append));
    entry->submission.append.intent.trace = trace_of(entry->session->call);
    return proposal_refusal(
        submission_submit(entry->session->services, &entry->submission, &entry->arena),
        &entry->submission.append);
}

/* --- committing ----------------------------------------------------------------- */

/* On the writer thread. A group commits many appends of a session: the first wakes it. */
static void on_done(struct intent *intent)
{
    struct entry *entry = container_of(intent, struct entry, submission.append.intent);
    struct session *self = entry->session;

    if (inbox_put(&self->done, &entry->done))
        call_wake(self->call, &self->committed);
}

static void on_committed(struct step *step, bool ok)
{
    struct session *self = container_of(step, struct session, committed);
    struct inbox_link *link = inbox_take(&self->done);
    struct call *call = self->call;
    bool closed = self->closed;

    while (link) {
        struct entry *entry = container_of(link, struct entry, done);

        link = link->next;
        assert(entry->state == COMMITTING);
        entry->state = SETTLED;
        if (ok)
            entry->status = submission_settle(self->services, &entry->submission, &entry->arena);
        if (closed)
            entry_free(entry);
        call_release(call); /* when closed, the last one takes the session with it */
    }
    if (ok)
        send_results(self);
}

/* --- sending ---------------------------------------------------------------------- */

static struct status answer_conflict(struct entry *entry, Sagabase__V1__AppendFailure *failure)
{
    if (entry->submission.append.matched) {
        failure->condition = arena_alloc(&entry->arena, sizeof *failure->condition);
        if (!failure->condition)
            return out_of_memory();
        sagabase__v1__condition_conflict__init(failure->condition);
        proposal_condition_conflict(&entry->submission.append, failure->condition);
        return OK;
    }
    failure->conflict = arena_alloc(&entry->arena, sizeof *failure->conflict);
    if (!failure->conflict)
        return out_of_memory();
    sagabase__v1__revision_conflict__init(failure->conflict);
    return proposal_conflict(&entry->submission.append.conflict, &entry->arena, failure->conflict);
}

static struct status answer_failure(struct entry *entry, Sagabase__V1__AppendResult *result)
{
    Sagabase__V1__AppendFailure *failure = arena_alloc(&entry->arena, sizeof *failure);

    if (!failure)
        return out_of_memory();
    sagabase__v1__append_failure__init(failure);
    failure->code = entry->status.code;
    failure->message = entry->status.message;
    result->outcome_case = SAGABASE__V1__APPEND_RESULT__OUTCOME_FAILED;
    result->failed = failure;
    return entry->status.code == STATUS_ABORTED ? answer_conflict(entry, failure) : OK;
}

static struct status answer_success(struct entry *entry, Sagabase__V1__AppendResult *result)
{
    Sagabase__V1__AppendResponse *appended = arena_alloc(&entry->arena, sizeof *appended);

    if (!appended)
        return out_of_memory();
    sagabase__v1__append_response__init(appended);
    result->outcome_case = SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED;
    result->appended = appended;
    return proposal_answer(&entry->submission.append, &entry->arena, appended);
}

static struct status answer(struct entry *entry, Sagabase__V1__AppendResult *result)
{
    sagabase__v1__append_result__init(result);
    result->correlation_id = entry->correlation_id;
    if (status_ok(entry->status))
        return answer_success(entry, result);
    return answer_failure(entry, result);
}

/* Sends what is known from the oldest entry on, or ends the session when nothing is left. */
static void send_results(struct session *self)
{
    Sagabase__V1__AppendSessionResponse response = SAGABASE__V1__APPEND_SESSION_RESPONSE__INIT;
    Sagabase__V1__AppendResult results[IN_FLIGHT_MAX];
    Sagabase__V1__AppendResult *pointers[IN_FLIGHT_MAX];

    if (self->sending || self->ended)
        return;
    if (self->half_closed && !self->oldest)
        return end(self, OK);
    for (struct entry *entry = self->oldest; entry && entry->state == SETTLED;
         entry = entry->next) {
        struct status status = answer(entry, &results[response.n_results]);

        if (!status_ok(status))
            return end(self, status);
        entry->state = SENDING;
        pointers[response.n_results] = &results[response.n_results];
        response.n_results++;
    }
    if (response.n_results == 0)
        return;
    response.results = pointers;
    self->sending = true;
    call_send(self->call, &response.base, &self->sent);
}

static void on_sent(struct step *step, bool ok)
{
    struct session *self = container_of(step, struct session, sent);

    self->sending = false;
    while (self->oldest && self->oldest->state == SENDING) {
        struct entry *entry = take_oldest(self);

        self->in_flight--;
        self->in_flight_bytes -= entry->bytes;
        entry_free(entry);
    }
    if (!ok)
        return; /* on_closed follows */
    send_results(self);
    receive(self);
}

/* --- the end ------------------------------------------------------------------------ */

/* The call is over. What the writer still has is freed when it comes back. */
static void on_closed(struct step *step, bool ok)
{
    struct session *self = container_of(step, struct session, over);

    (void)ok;
    self->closed = true;
    if (self->receiving)
        entry_free(self->receiving);
    self->receiving = NULL;
    while (self->oldest) {
        struct entry *entry = take_oldest(self);

        if (entry->state != COMMITTING)
            entry_free(entry);
    }
}
