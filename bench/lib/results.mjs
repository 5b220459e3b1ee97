// Results: medians of interleaved rounds, with their spread.

/** @typedef {{ group: string, row: string, subject: string, unit: string, rounds: number[] }} Result */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** All results of a run. */
export class Results {
  all = [];
  /** What did not work, and what was said. */
  failures = [];

  add(...results) {
    for (const result of results) {
      if (result.rounds.length > 0) this.all.push(result);
    }
  }

  find(group, row, subject, extra = {}) {
    return this.all.find(
      (result) =>
        result.group === group &&
        String(result.row) === String(row) &&
        result.subject === subject &&
        Object.entries(extra).every(([name, value]) => result[name] === value),
    );
  }

  /** The median, undefined without a result. */
  value(group, row, subject, extra) {
    const result = this.find(group, row, subject, extra);
    return result && median(result.rounds);
  }

  /** The distinct values of a field among the results of a group, in order. */
  distinct(group, field) {
    return [...new Set(this.all.filter((result) => result.group === group).map((result) => result[field]))];
  }
}

/** A number with three significant figures and a unit prefix. */
export function short(value) {
  if (value === undefined || Number.isNaN(value)) return '-';
  for (const [limit, suffix] of [
    [1e6, ' M'],
    [1e4, ' k'],
  ]) {
    if (value >= limit) return `${Number((value / 10 ** (limit === 1e6 ? 6 : 3)).toPrecision(3))}${suffix}`;
  }
  return String(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** How far the rounds are apart, around the median. */
export function spread(rounds) {
  const middle = median(rounds);
  const percent = (value) => Math.round((100 * (value - middle)) / middle);
  return `${percent(Math.min(...rounds))}/+${percent(Math.max(...rounds))} %`;
}

/** The same in short: half of what lies between the least and the most. */
export function halfSpread(rounds) {
  const half = (Math.max(...rounds) - Math.min(...rounds)) / 2;
  return `±${Math.round((100 * half) / median(rounds))} %`;
}

export function ratio(value, other) {
  return value === undefined || !other ? '-' : `${Number((value / other).toPrecision(2))} x`;
}
