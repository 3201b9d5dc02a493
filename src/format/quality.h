/*-------------------------------------------------------------------------
 *
 * quality.h
 *	  OPC UA status codes: names, and OPC DA's 16-bit qualities.
 *
 * A code is a name of the table in quality.c (severity and sub-code: the top 16 bits), plus marks in
 * the low 16 bits.  As text: 'bad_sensor_failure', 'uncertain_data_sub_normal+interpolated+partial',
 * and whatever has no such spelling as '0x80FF0001'.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_QUALITY_H
#define TSDB_QUALITY_H

#include "base/base.h"

#define TSDB_QUALITY_NAME_BYTES 160 /* room for any name and its zero */

#define TSDB_SEVERITY_GOOD 0
#define TSDB_SEVERITY_UNCERTAIN 1
#define TSDB_SEVERITY_BAD 2

static inline uint32_t
tsdb_quality_severity(uint32_t code)
{
	return (code >> 31) != 0 ? TSDB_SEVERITY_BAD : code >> 30;
}

/* tsdb_quality_worse - the code of the higher severity.  Of one severity: the higher code, of bad ones the lower; so the worst of many is known from the least and the greatest. */
static inline uint32_t
tsdb_quality_worse(uint32_t a, uint32_t b)
{
	uint32_t severity = tsdb_quality_severity(a);

	if (severity != tsdb_quality_severity(b))
		return severity > tsdb_quality_severity(b) ? a : b;
	return (severity == TSDB_SEVERITY_BAD) == (a < b) ? a : b;
}

/* tsdb_quality_percent_good - share of the good time in all time, by severity in us; where no time passes, 100 or 0 as the last sample says. */
extern double tsdb_quality_percent_good(const int64_t *us, uint32_t last_severity);

/*
 * tsdb_quality_from_name - parse a name; letter case, '_', '-' and spaces don't matter: 'Bad_SensorFailure',
 * 'BadSensorFailure' and 'bad_sensor_failure' are the same.  Also '0x...' with up to 8 hex digits.
 *
 * Returns false for an unknown one.
 */
extern bool tsdb_quality_from_name(const char *name, size_t nbytes, uint32_t *code);

/* tsdb_quality_name - spell a code; tsdb_quality_from_name gives it back.  Returns buffer, of TSDB_QUALITY_NAME_BYTES. */
extern const char *tsdb_quality_name(uint32_t code, char *buffer);

/* tsdb_quality_standard - the i-th name that is known and its code, NULL behind the last. */
extern const char *tsdb_quality_standard(uint32_t i, uint32_t *code);

/*
 * tsdb_quality_from_da / tsdb_quality_to_da - between OPC DA's QQSSSSLL (vendor byte ignored and 0) and status codes.
 *
 * A sub-status without a counterpart falls back to its severity; limit bits are kept both ways.
 */
extern uint32_t tsdb_quality_from_da(uint16_t da);
extern uint16_t tsdb_quality_to_da(uint32_t code);

#endif /* TSDB_QUALITY_H */
