/*-------------------------------------------------------------------------
 *
 * prefix_sum.c
 *	  Residuals of a miniblock to values: sums of differences, and sums of those.
 *
 * A residual is a signed difference with the sign in its lowest bit.  All
 * arithmetic is modulo 2^32.  A row of 8 or 16 lanes is summed by shifts of 1,
 * 2, 4 (and 8) lanes; what the rows before add up to is carried apart, so that
 * rows wait for each other for one addition only.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#ifdef TSDB_HAVE_AVX2
#include <immintrin.h>

static uint32_t deltas_avx2(const uint32_t *residuals, uint32_t previous, uint32_t slope, int32_t *offsets);
static uint32_t seconds_avx2(const uint32_t *residuals, uint32_t previous, uint32_t *delta, int32_t *offsets);
TSDB_TARGET_AVX2 static TSDB_INLINE __m256i changes_avx2(const uint32_t *residuals);
TSDB_TARGET_AVX2 static TSDB_INLINE __m256i prefix_avx2(__m256i row);
static uint32_t deltas_avx512(const uint32_t *residuals, uint32_t previous, uint32_t slope, int32_t *offsets);
static uint32_t seconds_avx512(const uint32_t *residuals, uint32_t previous, uint32_t *delta, int32_t *offsets);
TSDB_TARGET_AVX512 static TSDB_INLINE __m512i changes_avx512(const uint32_t *residuals);
TSDB_TARGET_AVX512 static TSDB_INLINE __m512i prefix_avx512(__m512i row);
TSDB_TARGET_AVX512 static TSDB_INLINE __m512i numbers_avx512(void);
#endif

TsdbCpu tsdb_cpu_limit = TSDB_CPU_AVX512;

/*
 * tsdb_sum_deltas - prefix sum of slope + difference; returns the last value.
 *
 *	residuals	TSDB_MINIBLOCK, of which n count; offsets past n are left or rubbish
 */
uint32_t
tsdb_sum_deltas(const uint32_t *residuals, uint32_t n, uint32_t previous, uint32_t slope, int32_t *offsets)
{
#ifdef TSDB_HAVE_AVX2
	if (n == TSDB_MINIBLOCK && tsdb_cpu_has(TSDB_CPU_AVX512))
		return deltas_avx512(residuals, previous, slope, offsets);
	if (n == TSDB_MINIBLOCK && tsdb_cpu_has(TSDB_CPU_AVX2))
		return deltas_avx2(residuals, previous, slope, offsets);
#endif
	/* Without AVX2 shuffles cost more than the chain of additions. */
	for (uint32_t i = 0; i < n; i++)
	{
		previous += slope + ((residuals[i] >> 1) ^ -(residuals[i] & 1));
		offsets[i] = (int32_t) previous;
	}
	return previous;
}

/*
 * tsdb_sum_seconds - prefix sum of prefix sums of differences; returns the last value, moves *delta to the last delta.
 */
uint32_t
tsdb_sum_seconds(const uint32_t *residuals, uint32_t n, uint32_t previous, uint32_t *delta, int32_t *offsets)
{
#ifdef TSDB_HAVE_AVX2
	if (n == TSDB_MINIBLOCK && tsdb_cpu_has(TSDB_CPU_AVX512))
		return seconds_avx512(residuals, previous, delta, offsets);
	if (n == TSDB_MINIBLOCK && tsdb_cpu_has(TSDB_CPU_AVX2))
		return seconds_avx2(residuals, previous, delta, offsets);
#endif
	for (uint32_t i = 0; i < n; i++)
	{
		*delta += (residuals[i] >> 1) ^ -(residuals[i] & 1);
		previous += *delta;
		offsets[i] = (int32_t) previous;
	}
	return previous;
}

// private functions

#ifdef TSDB_HAVE_AVX2
TSDB_TARGET_AVX2 static uint32_t
deltas_avx2(const uint32_t *residuals, uint32_t previous, uint32_t slope, int32_t *offsets)
{
	const __m256i last = _mm256_set1_epi32(7);
	const __m256i slopes = _mm256_mullo_epi32(_mm256_set1_epi32((int32_t) slope), _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8));
	__m256i before = _mm256_set1_epi32((int32_t) previous);

	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i += 8)
	{
		__m256i sum = _mm256_add_epi32(prefix_avx2(changes_avx2(residuals + i)), slopes);

		_mm256_storeu_si256((__m256i *) (offsets + i), _mm256_add_epi32(sum, before));
		before = _mm256_add_epi32(before, _mm256_permutevar8x32_epi32(sum, last));
	}
	return (uint32_t) _mm256_extract_epi32(before, 0);
}

/* Both sums of a row start from 0; the delta before it counts once more with each lane. */
TSDB_TARGET_AVX2 static uint32_t
seconds_avx2(const uint32_t *residuals, uint32_t previous, uint32_t *delta, int32_t *offsets)
{
	const __m256i last = _mm256_set1_epi32(7);
	const __m256i numbers = _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8);
	__m256i delta_before = _mm256_set1_epi32((int32_t) *delta);
	__m256i before = _mm256_set1_epi32((int32_t) previous);

	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i += 8)
	{
		__m256i deltas = prefix_avx2(changes_avx2(residuals + i));
		__m256i sum = prefix_avx2(deltas);

		sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(delta_before, numbers));
		_mm256_storeu_si256((__m256i *) (offsets + i), _mm256_add_epi32(sum, before));
		before = _mm256_add_epi32(before, _mm256_permutevar8x32_epi32(sum, last));
		delta_before = _mm256_add_epi32(delta_before, _mm256_permutevar8x32_epi32(deltas, last));
	}
	*delta = (uint32_t) _mm256_extract_epi32(delta_before, 0);
	return (uint32_t) _mm256_extract_epi32(before, 0);
}

TSDB_TARGET_AVX2 static TSDB_INLINE __m256i
changes_avx2(const uint32_t *residuals)
{
	__m256i row = _mm256_loadu_si256((const __m256i *) residuals);
	__m256i sign = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_and_si256(row, _mm256_set1_epi32(1)));

	return _mm256_xor_si256(_mm256_srli_epi32(row, 1), sign);
}

TSDB_TARGET_AVX2 static TSDB_INLINE __m256i
prefix_avx2(__m256i row)
{
	__m256i half;

	row = _mm256_add_epi32(row, _mm256_slli_si256(row, 4));
	row = _mm256_add_epi32(row, _mm256_slli_si256(row, 8));
	half = _mm256_shuffle_epi32(row, 0xff);
	return _mm256_add_epi32(row, _mm256_permute2x128_si256(half, half, 0x08));
}

TSDB_TARGET_AVX512 static uint32_t
deltas_avx512(const uint32_t *residuals, uint32_t previous, uint32_t slope, int32_t *offsets)
{
	const __m512i last = _mm512_set1_epi32(15);
	const __m512i slopes = _mm512_mullo_epi32(_mm512_set1_epi32((int32_t) slope), numbers_avx512());
	__m512i before = _mm512_set1_epi32((int32_t) previous);

	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i += 16)
	{
		__m512i sum = _mm512_add_epi32(prefix_avx512(changes_avx512(residuals + i)), slopes);

		_mm512_storeu_si512(offsets + i, _mm512_add_epi32(sum, before));
		before = _mm512_add_epi32(before, _mm512_permutexvar_epi32(last, sum));
	}
	return (uint32_t) _mm_cvtsi128_si32(_mm512_castsi512_si128(before));
}

TSDB_TARGET_AVX512 static uint32_t
seconds_avx512(const uint32_t *residuals, uint32_t previous, uint32_t *delta, int32_t *offsets)
{
	const __m512i last = _mm512_set1_epi32(15);
	const __m512i numbers = numbers_avx512();
	__m512i delta_before = _mm512_set1_epi32((int32_t) *delta);
	__m512i before = _mm512_set1_epi32((int32_t) previous);

	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i += 16)
	{
		__m512i deltas = prefix_avx512(changes_avx512(residuals + i));
		__m512i sum = prefix_avx512(deltas);

		sum = _mm512_add_epi32(sum, _mm512_mullo_epi32(delta_before, numbers));
		_mm512_storeu_si512(offsets + i, _mm512_add_epi32(sum, before));
		before = _mm512_add_epi32(before, _mm512_permutexvar_epi32(last, sum));
		delta_before = _mm512_add_epi32(delta_before, _mm512_permutexvar_epi32(last, deltas));
	}
	*delta = (uint32_t) _mm_cvtsi128_si32(_mm512_castsi512_si128(delta_before));
	return (uint32_t) _mm_cvtsi128_si32(_mm512_castsi512_si128(before));
}

TSDB_TARGET_AVX512 static TSDB_INLINE __m512i
changes_avx512(const uint32_t *residuals)
{
	__m512i row = _mm512_loadu_si512(residuals);
	__m512i sign = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_and_si512(row, _mm512_set1_epi32(1)));

	return _mm512_xor_si512(_mm512_srli_epi32(row, 1), sign);
}

/* Inside the four parts of 128 bits first, then the last sum of each part for those after it. */
TSDB_TARGET_AVX512 static TSDB_INLINE __m512i
prefix_avx512(__m512i row)
{
	row = _mm512_add_epi32(row, _mm512_bslli_epi128(row, 4));
	row = _mm512_add_epi32(row, _mm512_bslli_epi128(row, 8));
	row = _mm512_add_epi32(row, _mm512_maskz_permutexvar_epi32(0xfff0, _mm512_setr_epi32(0, 0, 0, 0, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11), row));
	return _mm512_add_epi32(row, _mm512_maskz_permutexvar_epi32(0xff00, _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 7, 7, 7, 7), row));
}

TSDB_TARGET_AVX512 static TSDB_INLINE __m512i
numbers_avx512(void)
{
	return _mm512_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
}
#endif
