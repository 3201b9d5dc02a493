/*-------------------------------------------------------------------------
 *
 * plant.h
 *	  Series like those of a plant, for tests and benches.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TEST_PLANT_H
#define TSDB_TEST_PLANT_H

#include <math.h>

#include "tap.h"

typedef enum PlantSeries
{
	PLANT_WALK2, /* random walk, sigma 5 steps of 0.01 */
	PLANT_COUNTER, /* totaliser, 0.1 resolution, noisy rate */
	PLANT_VALVE, /* 0/1, rare switches */
	PLANT_NOISE, /* 20 + gaussian, every bit of the significand */
	PLANT_ADC12, /* 12-bit converter times a scale, slow drift */
	PLANT_FLOAT_PRINTED, /* two decimals of sensors that fail: NaN, infinities, -0.0 */
	PLANT_STEPS, /* set points: long runs of few values */
	PLANT_WILD, /* random bits */
	PLANT_NSERIES
} PlantSeries;

static const char *const plant_names[PLANT_NSERIES] = {
	"syn_walk2", "syn_counter", "syn_valve", "syn_noise", "syn_adc12", "syn_failing", "syn_steps", "syn_wild"};

/* random_gauss - mean 0, sigma 1 (Box and Muller). */
__attribute__((unused)) static double
random_gauss(uint64_t *state)
{
	double radius = sqrt(-2.0 * log(1.0 - random_unit(state)));

	return radius * cos(6.283185307179586 * random_unit(state));
}

/* plant_value - value i of a series; *memory starts at 0 and belongs to the series. */
__attribute__((unused)) static double
plant_value(PlantSeries series, uint32_t i, double *memory, uint64_t *random)
{
	double value;
	uint64_t bits;

	switch (series)
	{
		case PLANT_WALK2:
			*memory += rint(5.0 * random_gauss(random));
			return (2000 + *memory) / 100;
		case PLANT_COUNTER:
			*memory += 6 + rint(0.85 * random_gauss(random));
			return (123456 + *memory) / 10;
		case PLANT_VALVE:
			if (random_below(random, 400) == 0)
				*memory = 1 - *memory;
			return *memory;
		case PLANT_NOISE:
			return 20 + random_gauss(random);
		case PLANT_ADC12:
			*memory += 0.02 * random_gauss(random);
			return rint(2000 + 20 * sin(i / 900.0) + 3 * *memory + 0.9 * random_gauss(random)) * (10.0 / 4096.0) * 1.0173;
		case PLANT_FLOAT_PRINTED:
			if (random_below(random, 50) == 0)
				return random_below(random, 3) == 0 ? -0.0 : random_below(random, 2) == 0 ? INFINITY
																						  : -INFINITY;
			if (random_below(random, 100) == 0)
				*memory = random_below(random, 3) == 0 ? NAN : 0;
			if (isnan(*memory))
				return NAN;
			return rint(random_gauss(random) * 1000) / 100;
		case PLANT_STEPS:
			if (random_below(random, 90) == 0)
				*memory = 20 + random_below(random, 12) * 2.5;
			return *memory;
		default:
			bits = random_next(random);
			memcpy(&value, &bits, 8);
			return value;
	}
}

/* plant_fill - n values of a series. */
__attribute__((unused)) static void
plant_fill(PlantSeries series, double *values, uint32_t n, uint64_t seed)
{
	double memory = 0;

	for (uint32_t i = 0; i < n; i++)
		values[i] = plant_value(series, i, &memory, &seed);
}

#endif /* TSDB_TEST_PLANT_H */
