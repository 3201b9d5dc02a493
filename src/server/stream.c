/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  Lines over TCP and UDP, without any protocol around them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ilist.h"
#include "server/listen.h"
#include "server/stream.h"

#define READ_BYTES ((Size) 256 * 1024) /* of one source, before others have their turn */
#define FIRST_BYTES ((Size) 16 * 1024)
#define DATAGRAM_BYTES 65536
#define NEVENTS 64

typedef enum SourceKind
{
	SOURCE_LISTENER, /* gives connections */
	SOURCE_CONNECTION,
	SOURCE_DATAGRAMS
} SourceKind;

typedef struct Source
{
	dlist_node node;
	SourceKind kind;
	int fd;
	const char *schema;
	char *data; /* by malloc */
	Size nbytes;
	Size capacity;
	Size nwhole; /* bytes of whole lines at the start, while they are handed out */
	bool is_closed; /* by the other side: what is here is all */
	bool is_skipping; /* the rest of a line that was too long */
	bool is_watched; /* epoll tells of it */
	uint64 turn; /* handed out in this turn */
} Source;

struct TsdbStreams
{
	int epoll_fd;
	TsdbStreamLimits limits;
	dlist_head sources;
	int nconnections;
	Size total_bytes;
	uint64 turn;
	bool is_quiet; /* no new connections */
	uint64 lost_bytes;
	char datagram[DATAGRAM_BYTES];
};

static Source *add_source(TsdbStreams *streams, SourceKind kind, int fd, const char *schema);
static void watch(TsdbStreams *streams, Source *source, bool on);
static void accept_connections(TsdbStreams *streams, Source *listener);
static void read_connection(TsdbStreams *streams, Source *source);
static void read_datagrams(TsdbStreams *streams, Source *source);
static bool append(TsdbStreams *streams, Source *source, const char *bytes, Size nbytes);
static bool reserve(TsdbStreams *streams, Source *source, Size nbytes);
static Size whole_bytes(const Source *source);
static void skip_long_line(TsdbStreams *streams, Source *source);
static void close_source(TsdbStreams *streams, Source *source);

TsdbStreams *
tsdb_streams_start(List *tcp, List *udp, const TsdbStreamLimits *limits)
{
	TsdbStreams *streams = palloc0(sizeof(TsdbStreams));
	ListCell *lc;

	streams->limits = *limits;
	dlist_init(&streams->sources);
	streams->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (streams->epoll_fd < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll descriptor: %m"),
				 errdetail("The line protocol server needs one to wait for its connections."),
				 errhint("Raise the operating system's limit of open files.")));
	foreach (lc, tcp)
		(void) add_source(streams, SOURCE_LISTENER, ((TsdbListener *) lfirst(lc))->fd, ((TsdbListener *) lfirst(lc))->schema);
	foreach (lc, udp)
		(void) add_source(streams, SOURCE_DATAGRAMS, ((TsdbListener *) lfirst(lc))->fd, ((TsdbListener *) lfirst(lc))->schema);
	return streams;
}

int
tsdb_streams_fd(const TsdbStreams *streams)
{
	return streams->epoll_fd;
}

void
tsdb_streams_run(TsdbStreams *streams)
{
	struct epoll_event events[NEVENTS];
	int n = epoll_wait(streams->epoll_fd, events, NEVENTS, 0);

	for (int i = 0; i < n; i++)
	{
		Source *source = events[i].data.ptr;

		switch (source->kind)
		{
			case SOURCE_LISTENER:
				accept_connections(streams, source);
				break;
			case SOURCE_CONNECTION:
				read_connection(streams, source);
				break;
			case SOURCE_DATAGRAMS:
				read_datagrams(streams, source);
				break;
		}
	}
}

bool
tsdb_streams_take(TsdbStreams *streams, TsdbStreamLines *lines)
{
	dlist_iter iter;

	dlist_foreach (iter, &streams->sources)
	{
		Source *source = dlist_container(Source, node, iter.cur);

		if (source->kind == SOURCE_LISTENER || source->turn == streams->turn)
			continue;
		source->nwhole = whole_bytes(source);
		if (source->nwhole == 0)
			continue;
		source->turn = streams->turn;
		lines->schema = source->schema;
		/* The parser wants a NUL after the last line, where the next one may begin: its line end will do. */
		lines->lines = source->data;
		lines->nbytes = source->nwhole;
		lines->source = source;
		return true;
	}
	return false;
}

void
tsdb_streams_rewind(TsdbStreams *streams)
{
	dlist_iter iter;

	streams->turn++;
	dlist_foreach (iter, &streams->sources)
	{
		Source *source = dlist_container(Source, node, iter.cur);

		if (source->kind == SOURCE_LISTENER && !streams->is_quiet)
			watch(streams, source, true);
	}
}

void
tsdb_streams_done(TsdbStreams *streams, TsdbStreamLines *lines, bool keep)
{
	Source *source = lines->source;

	if (!keep)
	{
		memmove(source->data, source->data + source->nwhole, source->nbytes - source->nwhole);
		source->nbytes -= source->nwhole;
	}
	source->nwhole = 0;
	watch(streams, source, !keep);
	if (source->is_closed && source->nbytes == 0)
		close_source(streams, source);
}

uint64
tsdb_streams_lost(TsdbStreams *streams)
{
	uint64 lost = streams->lost_bytes;

	streams->lost_bytes = 0;
	return lost;
}

void
tsdb_streams_quiesce(TsdbStreams *streams)
{
	dlist_iter iter;

	streams->is_quiet = true;
	dlist_foreach (iter, &streams->sources)
	{
		Source *source = dlist_container(Source, node, iter.cur);

		if (source->kind == SOURCE_LISTENER)
			watch(streams, source, false);
	}
}

void
tsdb_streams_stop(TsdbStreams *streams)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &streams->sources)
		close_source(streams, dlist_container(Source, node, iter.cur));
	close(streams->epoll_fd);
	pfree(streams);
}

// private functions

/* NULL when there is no memory or epoll refuses. */
static Source *
add_source(TsdbStreams *streams, SourceKind kind, int fd, const char *schema)
{
	Source *source = calloc(1, sizeof(Source));

	if (source == NULL)
		return NULL;
	source->kind = kind;
	source->fd = fd;
	source->schema = schema;
	dlist_push_tail(&streams->sources, &source->node);
	watch(streams, source, true);
	return source;
}

static void
watch(TsdbStreams *streams, Source *source, bool on)
{
	struct epoll_event event = {0};

	if (source->is_watched == on || (on && source->is_closed))
		return;
	event.events = EPOLLIN | EPOLLRDHUP;
	event.data.ptr = source;
	if (epoll_ctl(streams->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, source->fd, &event) == 0)
		source->is_watched = on;
}

static void
accept_connections(TsdbStreams *streams, Source *listener)
{
	for (;;)
	{
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
		{
			/* Without a descriptor for it the next connection would wake us up again and again; the next turn looks. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				watch(streams, listener, false);
			return;
		}
		if (streams->nconnections >= streams->limits.connections ||
			add_source(streams, SOURCE_CONNECTION, fd, listener->schema) == NULL)
			close(fd);
		else
			streams->nconnections++;
	}
}

static void
read_connection(TsdbStreams *streams, Source *source)
{
	Size nread = 0;

	while (nread < READ_BYTES)
	{
		ssize_t n;

		if (!reserve(streams, source, FIRST_BYTES))
		{
			watch(streams, source, false); /* until what is here has gone */
			break;
		}
		n = recv(source->fd, source->data + source->nbytes, source->capacity - source->nbytes - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0)
		{
			watch(streams, source, false);
			source->is_closed = true;
			break;
		}
		source->nbytes += n;
		nread += n;
		if (source->is_skipping || source->nbytes > streams->limits.line_bytes)
			skip_long_line(streams, source);
	}
	if (source->is_closed && source->nbytes == 0)
		close_source(streams, source);
}

static void
read_datagrams(TsdbStreams *streams, Source *source)
{
	Size nread = 0;

	while (nread < READ_BYTES)
	{
		ssize_t n = recv(source->fd, streams->datagram, sizeof(streams->datagram), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		nread += n + 1;
		if (n == 0)
			continue;
		if (!append(streams, source, streams->datagram, n) ||
			(streams->datagram[n - 1] != '\n' && !append(streams, source, "\n", 1)))
			streams->lost_bytes += n;
	}
}

static bool
append(TsdbStreams *streams, Source *source, const char *bytes, Size nbytes)
{
	if (!reserve(streams, source, nbytes))
		return false;
	memcpy(source->data + source->nbytes, bytes, nbytes);
	source->nbytes += nbytes;
	return true;
}

/* Room for so many bytes and a NUL. */
static bool
reserve(TsdbStreams *streams, Source *source, Size nbytes)
{
	Size capacity = Max(source->capacity, FIRST_BYTES);
	char *data;

	while (capacity < source->nbytes + nbytes + 1)
		capacity *= 2;
	if (capacity == source->capacity)
		return true;
	if (streams->total_bytes + (capacity - source->capacity) > streams->limits.total_bytes)
		return false;
	data = realloc(source->data, capacity);
	if (data == NULL)
		return false;
	streams->total_bytes += capacity - source->capacity;
	source->data = data;
	source->capacity = capacity;
	return true;
}

/* Up to the last line end; all of it when no more comes. */
static Size
whole_bytes(const Source *source)
{
	Size n = source->nbytes;

	if (source->is_closed)
		return n;
	while (n > 0 && source->data[n - 1] != '\n')
		n--;
	return n;
}

/* A line beyond the limit is thrown away up to its end. */
static void
skip_long_line(TsdbStreams *streams, Source *source)
{
	char *end;

	if (!source->is_skipping && whole_bytes(source) > 0)
		return;
	end = memchr(source->data, '\n', source->nbytes);
	if (end == NULL)
	{
		streams->lost_bytes += source->nbytes;
		source->nbytes = 0;
		source->is_skipping = true;
		return;
	}
	streams->lost_bytes += end + 1 - source->data;
	source->nbytes -= end + 1 - source->data;
	memmove(source->data, end + 1, source->nbytes);
	source->is_skipping = false;
}

/* Listeners' descriptors are the caller's. */
static void
close_source(TsdbStreams *streams, Source *source)
{
	watch(streams, source, false);
	dlist_delete(&source->node);
	if (source->kind == SOURCE_CONNECTION)
	{
		close(source->fd);
		streams->nconnections--;
	}
	streams->total_bytes -= source->capacity;
	free(source->data);
	free(source);
}
