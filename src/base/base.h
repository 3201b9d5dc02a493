/*-------------------------------------------------------------------------
 *
 * base.h
 *	  What every pure (server-free) file of tsdb shares: status codes, memory
 *	  by callback, bounded reading and growable writing of bytes.
 *
 * Pure C99: no postgres.h, no errno, no global state.  Pure code never
 * raises: readers return TsdbStatus, writers can't fail (an allocator that
 * runs out of memory does not return).
 *
 * All integers on disk are little endian.  varint = LEB128, zvarint = zigzag
 * + LEB128.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BASE_H
#define TSDB_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum TsdbStatus
{
	TSDB_OK = 0,
	TSDB_CORRUPT /* bytes that no encoder of ours writes */
} TsdbStatus;

/*
 * TsdbMem - where pure code gets memory.
 *
 * alloc never returns NULL (the server's raises, the tests' aborts); memory
 * is not zeroed, aligned to 16 bytes.  There is no free: the owner throws the whole region away
 * (a MemoryContext in the server, a list of malloc blocks in tests).
 */
typedef struct TsdbMem
{
	void *(*alloc)(void *region, size_t nbytes);
	void *region;
} TsdbMem;

static inline void *
tsdb_mem_alloc(const TsdbMem *mem, size_t nbytes)
{
	return mem->alloc(mem->region, nbytes);
}

/*
 * TsdbBytes - growable output.  Growing takes a new, doubled piece from mem
 * and copies; the old one stays until the region goes.
 */
typedef struct TsdbBytes
{
	uint8_t *data;
	size_t len;
	size_t cap;
	const TsdbMem *mem;
} TsdbBytes;

static inline void
tsdb_bytes_init(TsdbBytes *out, const TsdbMem *mem)
{
	out->data = NULL;
	out->len = 0;
	out->cap = 0;
	out->mem = mem;
}

/* tsdb_bytes_reserve - make room for nbytes more; returns where they go (len is not moved). */
static inline uint8_t *
tsdb_bytes_reserve(TsdbBytes *out, size_t nbytes)
{
	if (out->cap - out->len < nbytes)
	{
		size_t cap = out->cap < 256 ? 256 : out->cap * 2;
		uint8_t *grown;

		while (cap - out->len < nbytes)
			cap *= 2;
		grown = (uint8_t *) tsdb_mem_alloc(out->mem, cap);
		if (out->len > 0)
			memcpy(grown, out->data, out->len);
		out->data = grown;
		out->cap = cap;
	}
	return out->data + out->len;
}

static inline void
tsdb_bytes_append(TsdbBytes *out, const void *src, size_t nbytes)
{
	if (nbytes > 0)
	{
		memcpy(tsdb_bytes_reserve(out, nbytes), src, nbytes);
		out->len += nbytes;
	}
}

static inline void
tsdb_bytes_append_u8(TsdbBytes *out, uint8_t value)
{
	*tsdb_bytes_reserve(out, 1) = value;
	out->len += 1;
}

static inline void
tsdb_bytes_append_u16(TsdbBytes *out, uint16_t value)
{
	tsdb_bytes_append(out, &value, 2);
}

static inline void
tsdb_bytes_append_u32(TsdbBytes *out, uint32_t value)
{
	tsdb_bytes_append(out, &value, 4);
}

static inline void
tsdb_bytes_append_u64(TsdbBytes *out, uint64_t value)
{
	tsdb_bytes_append(out, &value, 8);
}

static inline void
tsdb_bytes_append_varint(TsdbBytes *out, uint64_t value)
{
	uint8_t *to = tsdb_bytes_reserve(out, 10);
	size_t n = 0;

	while (value >= 0x80)
	{
		to[n++] = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	to[n++] = (uint8_t) value;
	out->len += n;
}

static inline void
tsdb_bytes_append_zvarint(TsdbBytes *out, int64_t value)
{
	tsdb_bytes_append_varint(out, ((uint64_t) value << 1) ^ (uint64_t) (value >> 63));
}

/*
 * TsdbSpan - bounded input: bytes at .. end-1.  Readers move `at` and return
 * false, leaving the span where it was, when too few bytes are left or a
 * varint is longer than ten bytes or overflows 64 bits.
 */
typedef struct TsdbSpan
{
	const uint8_t *at;
	const uint8_t *end;
} TsdbSpan;

static inline TsdbSpan
tsdb_span(const void *data, size_t nbytes)
{
	TsdbSpan span;

	span.at = (const uint8_t *) data;
	span.end = nbytes > 0 ? span.at + nbytes : span.at; /* data may be NULL then */
	return span;
}

static inline size_t
tsdb_span_left(const TsdbSpan *span)
{
	return (size_t) (span->end - span->at);
}

/* tsdb_span_take - cut the next nbytes off into `piece`. */
static inline bool
tsdb_span_take(TsdbSpan *span, size_t nbytes, TsdbSpan *piece)
{
	if (tsdb_span_left(span) < nbytes)
		return false;
	piece->at = span->at;
	piece->end = span->at + nbytes;
	span->at += nbytes;
	return true;
}

static inline bool
tsdb_span_read(TsdbSpan *span, void *to, size_t nbytes)
{
	if (tsdb_span_left(span) < nbytes)
		return false;
	memcpy(to, span->at, nbytes);
	span->at += nbytes;
	return true;
}

static inline bool
tsdb_span_read_u8(TsdbSpan *span, uint8_t *value)
{
	return tsdb_span_read(span, value, 1);
}

static inline bool
tsdb_span_read_u16(TsdbSpan *span, uint16_t *value)
{
	return tsdb_span_read(span, value, 2);
}

static inline bool
tsdb_span_read_u32(TsdbSpan *span, uint32_t *value)
{
	return tsdb_span_read(span, value, 4);
}

static inline bool
tsdb_span_read_u64(TsdbSpan *span, uint64_t *value)
{
	return tsdb_span_read(span, value, 8);
}

static inline bool
tsdb_span_read_varint(TsdbSpan *span, uint64_t *value)
{
	const uint8_t *at = span->at;
	uint64_t result = 0;
	int shift = 0;

	while (at < span->end && shift <= 63)
	{
		uint8_t byte = *at++;

		if (shift == 63 && byte > 1)
			return false;
		result |= (uint64_t) (byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
		{
			span->at = at;
			*value = result;
			return true;
		}
		shift += 7;
	}
	return false;
}

static inline bool
tsdb_span_read_zvarint(TsdbSpan *span, int64_t *value)
{
	uint64_t raw;

	if (!tsdb_span_read_varint(span, &raw))
		return false;
	*value = (int64_t) (raw >> 1) ^ -(int64_t) (raw & 1);
	return true;
}

/* base/hash.c: the hash and the checksum that are part of the disk format; frozen for ever. */
extern uint64_t tsdb_hash_bytes(const void *src, size_t nbytes);
extern uint32_t tsdb_crc32c(const void *src, size_t nbytes);

/* tsdb_bytes_append_crc - close an object that began at `start` with the crc32c of its bytes. */
static inline void
tsdb_bytes_append_crc(TsdbBytes *out, size_t start)
{
	tsdb_bytes_append_u32(out, tsdb_crc32c(out->data + start, out->len - start));
}

/*
 * tsdb_span_cut_crc - check and take off the checksum at the end.
 *
 * Fuzzers must get past it, so it passes anything in their builds.
 */
static inline bool
tsdb_span_cut_crc(TsdbSpan *span)
{
	uint32_t crc;

	if (tsdb_span_left(span) < sizeof(crc))
		return false;
	span->end -= sizeof(crc);
	memcpy(&crc, span->end, sizeof(crc));
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	return true;
#else
	return crc == tsdb_crc32c(span->at, tsdb_span_left(span));
#endif
}

#endif /* TSDB_BASE_H */
