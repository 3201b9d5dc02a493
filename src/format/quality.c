/*-------------------------------------------------------------------------
 *
 * quality.c
 *	  OPC UA status codes: names, and OPC DA's 16-bit qualities.
 *
 * Low 16 bits of a status code: 15 structure changed, 14 semantics changed, 11-10 info
 * type (01: a data value), 9-8 limit, 7 overflow, 4-0 historian: 1-0 how it came about, partial, extra data, multi value.
 * Source: OPC 10000-4 (StatusCode), 10000-8 (mapping to OPC DA), 10000-11 and 13 (historian bits).
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "format/quality.h"

#define NO_DA 0xFFFF

#define SEVERITY_MASK UINT32_C(0xC0000000)
#define NAME_MASK UINT32_C(0xFFFF0000)
#define INFO_DATA_VALUE UINT32_C(0x0400)
#define LIMIT_MASK UINT32_C(0x0300)
#define LIMIT_SHIFT 8

#define DA_LIMIT_MASK 0x0003
#define DA_STATUS_MASK 0x00FC
#define DA_GOOD 192
#define DA_UNCERTAIN 64
#define DA_BAD 0

typedef struct QualityName
{
	uint32_t code;
	uint16_t da; /* QQSSSS00; NO_DA: that of the severity */
	const char *name;
} QualityName;

/*
 * Of several with the same da the first is the one that OPC DA is translated to.  DA's
 * 20, bad: last known value, has no counterpart in UA.
 */
static const QualityName names[] = {
	{0x00000000, 192, "good"},
	{0x002F0000, NO_DA, "good_overload"},
	{0x00300000, NO_DA, "good_clamped"},
	{0x00960000, 216, "good_local_override"},
	{0x00A20000, NO_DA, "good_entry_inserted"},
	{0x00A30000, NO_DA, "good_entry_replaced"},
	{0x00A50000, NO_DA, "good_no_data"},
	{0x00A60000, NO_DA, "good_more_data"},
	{0x00DC0000, NO_DA, "good_edited"},
	{0x00DD0000, NO_DA, "good_post_action_failed"},
	{0x40000000, 64, "uncertain"},
	{0x40900000, 68, "uncertain_last_usable_value"},
	{0x408F0000, 68, "uncertain_no_communication_last_usable_value"},
	{0x40910000, NO_DA, "uncertain_substitute_value"},
	{0x40920000, NO_DA, "uncertain_initial_value"},
	{0x40930000, 80, "uncertain_sensor_not_accurate"},
	{0x40940000, 84, "uncertain_engineering_units_exceeded"},
	{0x40950000, 88, "uncertain_sub_normal"},
	{0x40A40000, 88, "uncertain_data_sub_normal"},
	{0x40DE0000, NO_DA, "uncertain_dominant_value_changed"},
	{0x42080000, NO_DA, "uncertain_transducer_in_manual"},
	{0x42090000, NO_DA, "uncertain_simulated_value"},
	{0x420A0000, NO_DA, "uncertain_sensor_calibration"},
	{0x80000000, 0, "bad"},
	{0x80890000, 4, "bad_configuration_error"},
	{0x808A0000, 8, "bad_not_connected"},
	{0x808B0000, 12, "bad_device_failure"},
	{0x808C0000, 16, "bad_sensor_failure"},
	{0x80310000, 24, "bad_no_communication"},
	{0x808D0000, 28, "bad_out_of_service"},
	{0x80320000, 32, "bad_waiting_for_initial_data"},
	{0x80010000, NO_DA, "bad_unexpected_error"},
	{0x80020000, NO_DA, "bad_internal_error"},
	{0x80050000, NO_DA, "bad_communication_error"},
	{0x800A0000, NO_DA, "bad_timeout"},
	{0x800C0000, NO_DA, "bad_shutdown"},
	{0x803C0000, NO_DA, "bad_out_of_range"},
	{0x809B0000, NO_DA, "bad_no_data"},
	{0x809D0000, NO_DA, "bad_data_lost"},
	{0x809E0000, NO_DA, "bad_data_unavailable"},
	{0x809F0000, NO_DA, "bad_entry_exists"},
	{0x80A00000, NO_DA, "bad_no_entry_exists"},
	{0x80AB0000, NO_DA, "bad_invalid_argument"},
	{0x80D40000, NO_DA, "bad_aggregate_list_mismatch"},
	{0x80D50000, NO_DA, "bad_aggregate_not_supported"},
	{0x80D60000, NO_DA, "bad_aggregate_invalid_inputs"},
	{0x80D70000, NO_DA, "bad_bound_not_found"},
	{0x80D80000, NO_DA, "bad_bound_not_supported"},
	{0x80DA0000, NO_DA, "bad_aggregate_configuration_rejected"}};

/* Marks, in the order of their spelling; a mark is one value of the bits in mask. */
typedef struct QualityMark
{
	uint32_t mask;
	uint32_t bits;
	bool is_data_value; /* means something only with INFO_DATA_VALUE */
	const char *name;
} QualityMark;

static const QualityMark marks[] = {
	{LIMIT_MASK, 0x0100, true, "low"},
	{LIMIT_MASK, 0x0200, true, "high"},
	{LIMIT_MASK, 0x0300, true, "constant"},
	{0x0080, 0x0080, true, "overflow"},
	{0x0003, 0x0001, true, "calculated"},
	{0x0003, 0x0002, true, "interpolated"},
	{0x0004, 0x0004, true, "partial"},
	{0x0008, 0x0008, true, "extra_data"},
	{0x0010, 0x0010, true, "multi_value"},
	{0x8000, 0x8000, false, "structure_changed"},
	{0x4000, 0x4000, false, "semantics_changed"}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const QualityName *find_code(uint32_t code);
static bool parse_hex(const char *name, size_t nbytes, uint32_t *code);
static bool parse_base(const char *name, size_t nbytes, uint32_t *code);
static bool parse_mark(const char *name, size_t nbytes, uint32_t *code);
static bool is_same_name(const char *name, size_t nbytes, const char *standard);
static bool is_filler(char c);
static uint16_t severity_da(uint32_t code);

bool
tsdb_quality_from_name(const char *name, size_t nbytes, uint32_t *code)
{
	const char *end = name + nbytes;
	const char *plus = memchr(name, '+', nbytes);

	if (parse_hex(name, nbytes, code))
		return true;
	if (!parse_base(name, plus ? (size_t) (plus - name) : nbytes, code))
		return false;
	while (plus)
	{
		name = plus + 1;
		plus = memchr(name, '+', (size_t) (end - name));
		if (!parse_mark(name, (size_t) ((plus ? plus : end) - name), code))
			return false;
	}
	return true;
}

const char *
tsdb_quality_name(uint32_t code, char *buffer)
{
	const QualityName *base = find_code(code);
	uint32_t spelled = code & NAME_MASK;
	size_t used;

	if (base != NULL)
	{
		used = (size_t) snprintf(buffer, TSDB_QUALITY_NAME_BYTES, "%s", base->name);
		for (size_t i = 0; i < COUNT(marks); i++)
			if ((code & marks[i].mask) == marks[i].bits)
			{
				spelled |= marks[i].bits | (marks[i].is_data_value ? INFO_DATA_VALUE : 0);
				used += (size_t) snprintf(buffer + used, TSDB_QUALITY_NAME_BYTES - used, "+%s", marks[i].name);
			}
	}
	if (base == NULL || spelled != code)
		snprintf(buffer, TSDB_QUALITY_NAME_BYTES, "0x%08X", (unsigned) code);
	return buffer;
}

const char *
tsdb_quality_standard(uint32_t i, uint32_t *code)
{
	if (i >= COUNT(names))
		return NULL;
	*code = names[i].code;
	return names[i].name;
}

uint32_t
tsdb_quality_from_da(uint16_t da)
{
	uint32_t code = (da & 0xC0) == DA_GOOD		  ? UINT32_C(0x00000000)
					: (da & 0xC0) == DA_UNCERTAIN ? UINT32_C(0x40000000)
												  : UINT32_C(0x80000000);
	uint32_t limit = da & DA_LIMIT_MASK;

	for (size_t i = COUNT(names); i-- > 0;)
		if (names[i].da == (da & DA_STATUS_MASK))
			code = names[i].code;
	return limit ? code | INFO_DATA_VALUE | limit << LIMIT_SHIFT : code;
}

uint16_t
tsdb_quality_to_da(uint32_t code)
{
	const QualityName *base = find_code(code);
	uint16_t da = base != NULL && base->da != NO_DA ? base->da : severity_da(code);
	uint32_t limit = (code & INFO_DATA_VALUE) ? (code & LIMIT_MASK) >> LIMIT_SHIFT : 0;

	return (uint16_t) (da | limit);
}

double
tsdb_quality_percent_good(const int64_t *us, uint32_t last_severity)
{
	double total = (double) us[TSDB_SEVERITY_GOOD] + (double) us[TSDB_SEVERITY_UNCERTAIN] + (double) us[TSDB_SEVERITY_BAD];

	if (total == 0)
		return last_severity == TSDB_SEVERITY_GOOD ? 100 : 0;
	return 100 * ((double) us[TSDB_SEVERITY_GOOD] / total);
}

// private functions

static const QualityName *
find_code(uint32_t code)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].code == (code & NAME_MASK))
			return &names[i];
	return NULL;
}

static bool
parse_hex(const char *name, size_t nbytes, uint32_t *code)
{
	uint32_t value = 0;

	if (nbytes < 3 || nbytes > 10 || name[0] != '0' || (name[1] != 'x' && name[1] != 'X'))
		return false;
	for (size_t i = 2; i < nbytes; i++)
	{
		char c = name[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t) (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			value = value << 4 | (uint32_t) ((c | 32) - 'a' + 10);
		else
			return false;
	}
	*code = value;
	return true;
}

static bool
parse_base(const char *name, size_t nbytes, uint32_t *code)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (is_same_name(name, nbytes, names[i].name))
		{
			*code = names[i].code;
			return true;
		}
	return false;
}

/* parse_mark - add a mark to code; false when it is unknown or contradicts an earlier one. */
static bool
parse_mark(const char *name, size_t nbytes, uint32_t *code)
{
	for (size_t i = 0; i < COUNT(marks); i++)
		if (is_same_name(name, nbytes, marks[i].name))
		{
			if (*code & marks[i].mask)
				return false;
			*code |= marks[i].bits | (marks[i].is_data_value ? INFO_DATA_VALUE : 0);
			return true;
		}
	return false;
}

/* is_same_name - compare letters only, of any case, with a name in lower case. */
static bool
is_same_name(const char *name, size_t nbytes, const char *standard)
{
	const char *end = name + nbytes;

	for (;;)
	{
		while (name < end && is_filler(*name))
			name++;
		while (is_filler(*standard))
			standard++;
		if (name == end || *standard == '\0')
			return name == end && *standard == '\0';
		if ((*name >= 'A' && *name <= 'Z' ? *name + 32 : *name) != *standard)
			return false;
		name++;
		standard++;
	}
}

static bool
is_filler(char c)
{
	return c == '_' || c == '-' || c == ' ';
}

static uint16_t
severity_da(uint32_t code)
{
	uint32_t severity = code & SEVERITY_MASK;

	if (severity == 0)
		return DA_GOOD;
	return severity == UINT32_C(0x40000000) ? DA_UNCERTAIN : DA_BAD;
}
