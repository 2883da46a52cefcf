import { createHash } from 'node:crypto'

/** A deterministic random generator: the same key makes the same values on every machine. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** A whole number, including both ends. */
  integer(min: number, max: number): number
  pick<T>(items: readonly T[]): T
  /** A new array with the same items in another order. */
  shuffle<T>(items: readonly T[]): T[]
  /** `count` lower-case letters. */
  letters(count: number): string
  /** `count` lower-case hexadecimal digits. */
  hex(count: number): string
}

/**
 * Every purpose has a separate generator with its own key: a change in one part of the repository then leaves the other
 * parts unchanged.
 */
export function createRandom(key: string): Random {
  const next = sfc32(createHash('sha256').update(key).digest())
  const integer = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  const pick = <T>(items: readonly T[]): T => {
    const item = items[integer(0, items.length - 1)]
    if (item === undefined) throw new RangeError('There is nothing to pick from.')
    return item
  }
  const text = (alphabet: string, count: number) =>
    Array.from({ length: count }, () => alphabet.charAt(integer(0, alphabet.length - 1))).join('')
  return {
    next,
    integer,
    pick,
    shuffle: (items) =>
      items
        .map((item) => ({ item, rank: next() }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ item }) => item),
    letters: (count) => text('abcdefghijklmnopqrstuvwxyz', count),
    hex: (count) => text('0123456789abcdef', count)
  }
}

/** Chris Doty-Humphrey's small fast counter generator: short, and sufficient for sizes and names. */
function sfc32(seed: Buffer): () => number {
  let a = seed.readUInt32LE(0) | 0
  let b = seed.readUInt32LE(4) | 0
  let c = seed.readUInt32LE(8) | 0
  let counter = seed.readUInt32LE(12) | 0
  return () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
}
