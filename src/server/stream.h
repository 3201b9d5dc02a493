/*-------------------------------------------------------------------------
 *
 * stream.h
 *	  Lines over TCP and UDP, without any protocol around them.
 *
 * Nobody answers, so nothing can be refused: a TCP connection is not read on while what it
 * sent waits, and a datagram that finds no room is lost, as datagrams are.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_STREAM_H
#define TSDB_STREAM_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef struct TsdbStreams TsdbStreams;

typedef struct TsdbStreamLimits
{
	Size line_bytes; /* longest line; a connection that sends a longer one loses it */
	Size total_bytes; /* in all buffers */
	int connections;
} TsdbStreamLimits;

/* Lines that came together. */
typedef struct TsdbStreamLines
{
	const char *schema;
	char *lines; /* whole ones, and a NUL; may be changed */
	Size nbytes;
	void *source; /* private to stream.c */
} TsdbStreamLines;

/* tsdb_streams_start - take lines from these listeners (listen.h), which stay the caller's. */
extern TsdbStreams *tsdb_streams_start(List *tcp, List *udp, const TsdbStreamLimits *limits);

/* tsdb_streams_fd - readable = tsdb_streams_run has work. */
extern int tsdb_streams_fd(const TsdbStreams *streams);

/* tsdb_streams_run - take in what sockets have. */
extern void tsdb_streams_run(TsdbStreams *streams);

/*
 * tsdb_streams_take - the next lines that wait; false when there are none.
 *
 * They stay where they are until tsdb_streams_done.  Each source is handed out once per tsdb_streams_rewind.
 */
extern bool tsdb_streams_take(TsdbStreams *streams, TsdbStreamLines *lines);
extern void tsdb_streams_rewind(TsdbStreams *streams);

/* tsdb_streams_done - the lines are written, or will never be; keep = false throws them away, true keeps them to be taken again. */
extern void tsdb_streams_done(TsdbStreams *streams, TsdbStreamLines *lines, bool keep);

/* tsdb_streams_lost - bytes thrown away for want of room since the last call. */
extern uint64 tsdb_streams_lost(TsdbStreams *streams);

/* tsdb_streams_quiesce - take no new connections.  tsdb_streams_stop: close all. */
extern void tsdb_streams_quiesce(TsdbStreams *streams);
extern void tsdb_streams_stop(TsdbStreams *streams);

#endif /* TSDB_STREAM_H */
