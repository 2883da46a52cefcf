/** What the files of a corpus are made of. The same key and size give the same bytes. */
import { createCipheriv, createHash } from 'node:crypto'
import { createRandom } from '../sample/random.ts'

/** Makes the content of a file. @param key unlike that of other files */
export type ContentMaker = (key: string, bytes: number) => Buffer

/** Bytes that cannot be compressed, as those of most firmware cannot. */
export const noise: ContentMaker = (key, bytes) => {
  const secret = createHash('sha256').update(key).digest()
  return createCipheriv('aes-128-ctr', secret.subarray(0, 16), secret.subarray(16)).update(Buffer.alloc(bytes))
}

/** The same line again and again. */
export const prose: ContentMaker = (key, bytes) =>
  Buffer.alloc(bytes, `This is a line about ${key}, which is no firmware.\n`)

/** Sections of a raw image, and how many of a hundred are of the kind. */
const SECTION_BYTES = 64 * 1024
const CODE_SHARE = 70
const PACKED_SHARE = 18

/**
 * A raw image, as a flash chip holds it: code, sections that are packed already, and unused space between them. zip -6 leaves
 * about two fifths of it.
 */
export const rawImage: ContentMaker = (key, bytes) => {
  const random = createRandom(key)
  const image = Buffer.alloc(bytes, 0xff)
  const packed = noise(key, bytes)
  for (let start = 0; start < bytes; start += SECTION_BYTES) {
    const section = image.subarray(start, start + SECTION_BYTES)
    const draw = random.integer(0, 99)
    if (draw < CODE_SHARE) writeCode(section, random.integer(1, 2 ** 31 - 1))
    else if (draw < CODE_SHARE + PACKED_SHARE) packed.copy(section, 0, start)
  }
  return image
}

const COMMON_INSTRUCTIONS = createInstructions(1024)
const OPERATIONS = 24

/** Instructions of four bytes: many that are common, some with operands of their own, and passages that come again. */
function writeCode(section: Buffer, seed: number): void {
  let state = seed
  // Marsaglia's xorshift: a draw costs a nanosecond, and images have a hundred million of them.
  const draw = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  const end = section.length - (section.length % 4)
  for (let at = 0; at < end; ) {
    const kind = draw() % 16
    if (kind < 2 && at >= 4096) {
      const length = Math.min(16 + 4 * (draw() % 16), end - at)
      const from = at - 4 * (24 + (draw() % 1000))
      section.copyWithin(at, from, from + length)
      at += length
    } else {
      const operand = draw()
      const common = COMMON_INSTRUCTIONS[((operand % 1024) * ((operand >>> 16) % 1024)) >>> 10] ?? 0
      const own = (draw() % OPERATIONS) * 0x01_00_00_00 + (operand % 0x1_00_00)
      section.writeUInt32LE(kind < 13 ? common : own, at)
      at += 4
    }
  }
}

function createInstructions(count: number): Uint32Array {
  const random = createRandom('instructions')
  return Uint32Array.from({ length: count }, () => random.integer(0, 0xff_ff_ff_ff))
}
