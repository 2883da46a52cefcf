/** The images inside payloads: their bytes are incompressible, and differ in any two images. */
import { createCipheriv, createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { SampleError } from '../corpus.ts'
import type { Content } from './content.ts'

/** Makes the image of a key; the same key and size make the same bytes. */
export type ImageMaker = (key: string, size: number) => Content

const CHUNK_BYTES = 1024 * 1024
const ZEROS = Buffer.alloc(CHUNK_BYTES)
const SLICES_PER_SEED = 4

/**
 * Reads some slices of each seed file and compresses them, once for the whole repository. Packages contain parts of the
 * result. Any binaries can be seeds, since real firmware is compressed too.
 */
export async function loadSeeds(files: readonly string[], bytesPerFile: number): Promise<Buffer> {
  const slices: Buffer[] = []
  for (const file of files) slices.push(...(await readSlices(file, Math.ceil(bytesPerFile / SLICES_PER_SEED))))
  // Compressed separately: the library then uses several threads.
  return Buffer.concat(await Promise.all(slices.map((slice) => promisify(gzip)(slice))))
}

async function readSlices(file: string, length: number): Promise<Buffer[]> {
  const handle = await open(file).catch((cause: Error) => {
    throw new SampleError(`The seed file ${file} cannot be read: ${cause.message}`, { cause })
  })
  try {
    const { size } = await handle.stat()
    const slices: Buffer[] = []
    for (let index = 0; index < SLICES_PER_SEED; index++) {
      const position = Math.floor((size * index) / SLICES_PER_SEED)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position)
      slices.push(buffer.subarray(0, Math.min(bytesRead, Math.ceil(size / SLICES_PER_SEED))))
    }
    return slices
  } finally {
    await handle.close()
  }
}

/** At most the first quarter of an image is seed bytes; the rest is a keyed stream, which makes it unique. */
export function createImageMaker(seeds: Buffer, seed: number): ImageMaker {
  return (key, size) => {
    const hash = createHash('sha512').update(`${seed}/image/${key}`).digest()
    const borrowed = Math.min(seeds.length, Math.floor(size / 4))
    const from = borrowed === 0 ? 0 : hash.readUInt32LE(32) % (seeds.length - borrowed + 1)
    return {
      size,
      *chunks() {
        if (borrowed > 0) yield seeds.subarray(from, from + borrowed)
        const cipher = createCipheriv('aes-128-ctr', hash.subarray(0, 16), hash.subarray(16, 32))
        for (let left = size - borrowed; left > 0; left -= CHUNK_BYTES) {
          yield cipher.update(left < CHUNK_BYTES ? ZEROS.subarray(0, left) : ZEROS)
        }
      }
    }
  }
}
