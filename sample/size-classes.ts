/**
 * The sizes of packages. Payload sizes of a real repository span five powers of ten. The classes fix the share of each
 * size, because the many small packages determine the speed of the catalog, and the few large ones that of exports.
 */

const KB = 1000
const MB = 1000 * KB

/**
 * T: power supplies, single drives. S: one adapter. M: UEFI, RAID. L: XCC, LXPM. XL: driver packs. XXL: boot images.
 */
export type SizeClass = 'T' | 'S' | 'M' | 'L' | 'XL' | 'XXL'

interface SizeRange {
  readonly min: number
  readonly max: number
  readonly share: number
}

const sizeClasses: Readonly<Record<SizeClass, SizeRange>> = {
  T: { min: 8 * KB, max: 256 * KB, share: 0.25 },
  S: { min: 256 * KB, max: 4 * MB, share: 0.4 },
  M: { min: 4 * MB, max: 24 * MB, share: 0.2 },
  L: { min: 24 * MB, max: 120 * MB, share: 0.11 },
  XL: { min: 120 * MB, max: 250 * MB, share: 0.035 },
  XXL: { min: 250 * MB, max: 1200 * MB, share: 0.005 }
}

/** Mean payload size of the whole mix. */
export const MEAN_PAYLOAD_BYTES = 18.7 * MB

/** A corpus of at least this size contains the largest class. */
const XXL_FROM_BYTES = 2000 * MB

const NAMES: readonly SizeClass[] = ['T', 'S', 'M', 'L', 'XL', 'XXL']

/** The number of packages in each class; the sum is `total`. */
export function countClasses(total: number, targetBytes: number): ReadonlyMap<SizeClass, number> {
  const names = NAMES.filter((name) => name !== 'XXL' || targetBytes >= XXL_FROM_BYTES)
  const shares = names.reduce((sum, name) => sum + sizeClasses[name].share, 0)
  const wanted = names.map((name) => ({ name, exact: (total * sizeClasses[name].share) / shares }))
  const counts = new Map(wanted.map(({ name, exact }) => [name, Math.floor(exact)]))
  const left = total - counts.values().reduce((sum, count) => sum + count, 0)
  const byRemainder = wanted.toSorted((a, b) => (b.exact % 1) - (a.exact % 1))
  for (const { name } of byRemainder.slice(0, left)) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/**
 * `count` ascending sizes of a class, spread evenly on a logarithmic scale. They are not random: the total of a small
 * corpus would otherwise depend on two or three values.
 */
export function spreadSizes(name: SizeClass, count: number): number[] {
  const { min, max } = sizeClasses[name]
  return spreadLogarithmically(min, max, count)
}

/** `count` ascending sizes from `min` to `max`, with the same ratio between any two neighbours. */
export function spreadLogarithmically(min: number, max: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => min * (max / min) ** ((index + 0.5) / count))
}

/** Sizes above a pivot are compressed towards it; the first sufficient pivot leaves most sizes unchanged. */
const PIVOTS = [24 * MB, 4 * MB, 256 * KB, 8 * KB]
const SMALLEST_PAYLOAD = 8 * KB
/** With a smaller exponent the sizes above the pivot would be too similar. */
const MIN_EXPONENT = 0.35
const MAX_EXPONENT = 3

/**
 * Returns a function that changes sizes so that the sum of `sizes` becomes `target`: it keeps small sizes and the
 * order, and reduces large sizes. A mix for 25 GB thus fits into 20 MB and still has all kinds.
 */
export function fitSizes(sizes: readonly number[], target: number): (size: number) => number {
  const sum = (pivot: number, exponent: number) => sizes.reduce((total, size) => total + bend(size, pivot, exponent), 0)
  // With an exponent of 1 no size changes, for any pivot.
  const pivot =
    sum(MB, 1) < target
      ? (PIVOTS[1] ?? SMALLEST_PAYLOAD)
      : (PIVOTS.find((candidate) => sum(candidate, MIN_EXPONENT) <= target) ?? SMALLEST_PAYLOAD)
  let [low, high] = [0, MAX_EXPONENT]
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2
    if (sum(pivot, middle) < target) low = middle
    else high = middle
  }
  return (size) => Math.round(bend(size, pivot, low))
}

function bend(size: number, pivot: number, exponent: number): number {
  return size <= pivot ? size : pivot * (size / pivot) ** exponent
}
