/** Latencies of responses. */
export interface Latency {
  /** Number of responses. */
  readonly count: number
  /** Milliseconds, as all that follow. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** @param milliseconds of each answer, in any order */
export function latencyOf(milliseconds: readonly number[]): Latency {
  const sorted = Float64Array.from(milliseconds).sort()
  const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
  return { count: sorted.length, p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) }
}

/** Cells of a table: the median, the 99th percentile and the longest, in milliseconds. */
export function latencyCells({ p50, p99, max }: Latency): string[] {
  return [p50, p99, max].map((value) => value.toFixed(1))
}
