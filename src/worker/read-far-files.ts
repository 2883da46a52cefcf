/** Reads files of a repository in a bucket, as `reading-thread.ts` reads those of a directory: each once, from front to end. */
import { createHash } from 'node:crypto'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import type { BucketSettings } from '../core/bucket-settings.ts'
import { splitName } from '../core/file-name.ts'
import { FileReplaced } from '../core/file-replaced.ts'
import type { OpenFile } from '../core/open-file.ts'
import { readFarZipMembers } from '../files/zip-members.ts'
import { isV3Member, metadataSizeLimit, parseIfMetadata, parseV3Zip } from '../metadata/metadata-file.ts'
import { MAX_V3_JSON_BYTES } from '../metadata/v3-json.ts'
import { patiently } from '../s3/bucket.ts'
import { sideBySide } from '../s3/side-by-side.ts'
import { farObjects } from './far-objects.ts'
import type { FileToRead, ReadingResult } from './reading-thread.ts'

/** Most files are small: what takes long is the way there. */
const FILES_AT_A_TIME = 8
const CHUNK_BYTES = 256 * 1024

/** @throws StorageTrouble: what a scan could not look at is not to vanish from the catalog */
export function readFarFiles(bucket: BucketSettings, files: readonly FileToRead[]): Promise<ReadingResult[]> {
  const objects = farObjects(bucket)
  return sideBySide(files, FILES_AT_A_TIME, (file) => readOne(file, () => objects.open(file.path, file.stamp, '')))
}

async function readOne({ path: name, stamp }: FileToRead, open: () => OpenFile): Promise<ReadingResult> {
  let file: OpenFile | undefined
  try {
    file = open()
    const { size } = file
    const split = splitName(path.posix.basename(name))
    const isKept = size <= (metadataSizeLimit(split.suffix) ?? -1)
    const kept: Buffer[] = []
    const digests = await digest(file, (bytes) => {
      if (isKept) kept.push(Buffer.from(bytes))
    })
    const contents =
      split.suffix === '.zip'
        ? parseV3Zip(await readFarZipMembers(readAtOf(file), size, isV3Member, MAX_V3_JSON_BYTES), split.stem)
        : parseIfMetadata(split, size, () => Buffer.concat(kept))
    return { path: name, stamp, ...digests, contents: contents === undefined ? null : JSON.stringify(contents) }
  } catch (error) {
    if (!(error instanceof FileReplaced)) throw error
    return { path: name, failure: error.isGone ? 'it is not there any more' : 'it changed while it was read' }
  } finally {
    await file?.close()
  }
}

async function digest(file: OpenFile, onBytes: (bytes: Buffer) => void): Promise<{ crc32: number; sha256: string }> {
  const sha256 = createHash('sha256')
  const chunk = Buffer.allocUnsafeSlow(Math.max(1, Math.min(CHUNK_BYTES, file.size)))
  let crc = 0
  for (let position = 0; position < file.size; ) {
    const length = await patiently(() => file.readInto(chunk.subarray(0, file.size - position), position))
    const bytes = chunk.subarray(0, length)
    crc = crc32(bytes, crc)
    sha256.update(bytes)
    onBytes(bytes)
    position += length
  }
  return { crc32: crc, sha256: sha256.digest('hex') }
}

function readAtOf(file: OpenFile) {
  return async (target: Buffer, position: number) => {
    const wanted = Math.min(target.length, Math.max(0, file.size - position))
    for (let filled = 0; filled < wanted; ) {
      filled += await patiently(() =>
        file.readInto(target.subarray(filled, wanted), position + filled, position + wanted - 1)
      )
    }
    return wanted
  }
}
