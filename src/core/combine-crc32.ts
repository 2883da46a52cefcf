/** The CRC-32 of bytes whose halves are known by theirs. */

/** The polynomial of ZIP's CRC-32, bits reversed. */
const POLYNOMIAL = 0xedb88320
const ONE = 0x80000000

/** The product of two polynomials modulo that of the CRC; the highest power is the lowest bit. */
function multiply(left: number, right: number): number {
  let product = 0
  let factor = right
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((left & bit) !== 0) product ^= factor
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL
  }
  return product >>> 0
}

/** x to the power of 8 × `bytes`: what so many bytes of zeros do to a CRC. */
function powerOfBytes(bytes: number): number {
  let power = ONE
  // x^8, then its squares.
  let square = ONE >>> 8
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(square, power)
    square = multiply(square, square)
  }
  return power
}

/**
 * As `crc32_combine` of zlib does it.
 * @param bytes how many the second half has
 * @returns unsigned
 */
export function combineCrc32(first: number, second: number, bytes: number): number {
  return (multiply(powerOfBytes(bytes), first) ^ second) >>> 0
}
