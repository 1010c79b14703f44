import { expect, it } from 'vitest';
import { postgresDegradation } from '../../../host/storage/postgres-version.ts';

it.each([180006, 170011, 160015, 150019, 180012, 190000, 200001])('finds %i good', (version) => {
  expect(postgresDegradation(version)).toBeNull();
});

it.each([180005, 180000, 170010, 160014, 150018, 140099, 90624])('finds %i degraded', (version) => {
  expect(postgresDegradation(version)).toEqual(expect.any(String));
});
