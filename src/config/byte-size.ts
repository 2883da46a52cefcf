/** Sizes such as `500GB` or `1.5 TiB`. */

/** Without flags, since a schema cannot contain them. */
export const BYTE_SIZE = /^(\d+(?:\.\d+)?)\s*((?:[KMGTkmgt][iI]?)?[Bb])?$/

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40
}

/** @param text that fits `BYTE_SIZE` */
export function parseByteSize(text: string): number {
  const [, number = '', unit = 'B'] = BYTE_SIZE.exec(text) ?? []
  return Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? 1))
}
