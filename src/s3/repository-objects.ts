/** Reads objects of a repository, as long as each is the one that the catalog knows. */
import path from 'node:path'
import type { BucketSettings } from '../core/bucket-settings.ts'
import { FileReplaced } from '../core/file-replaced.ts'
import type { OpenFile } from '../core/open-file.ts'
import { checkRelativePath } from '../core/relative-path.ts'
import { type Bucket, openBucket, patiently } from './bucket.ts'
import { openObject } from './object-file.ts'
import { ObjectOrigin } from './object-origin.ts'
import { decodeStamp } from './object-stamp.ts'
import { s3ErrorName } from './storage-error.ts'

export interface RepositoryObjects {
  /**
   * Opens the object of this stamp; it is asked for with the first reading. Reading throws FileReplaced when it is not there any more,
   * or StorageTrouble.
   * @throws FileReplaced when the stamp is none of an object
   */
  open(path: string, stamp: string, digest: string): OpenFile
  /** Where the object of this stamp lies. @throws FileReplaced when the stamp is none of an object */
  origin(path: string, stamp: string): ObjectOrigin
  /** Some bytes of whatever is there. @throws FileReplaced, StorageTrouble */
  read(path: string, start: number, length: number): Promise<Buffer>
  close(): void
}

export function openRepositoryObjects(settings: BucketSettings): RepositoryObjects {
  const bucket = openBucket(settings, 'the storage of the repository')
  const keyOf = (file: string) => settings.prefix + checkRelativePath(file)
  return {
    open(file, stamp, digest) {
      const known = decodeStamp(stamp)
      if (known === undefined) throw new FileReplaced(file, false)
      return openObject(bucket, {
        key: keyOf(file),
        etag: known.etag,
        explain: (error) => replacedAs(file, error),
        name: path.posix.basename(file),
        size: known.size,
        modifiedAt: new Date(known.modifiedAt * 1000),
        digest,
        contentType: 'application/octet-stream'
      })
    },
    origin(file, stamp) {
      const known = decodeStamp(stamp)
      if (known === undefined) throw new FileReplaced(file, false)
      return new ObjectOrigin(file, { bucket: bucket.name, key: keyOf(file), etag: known.etag })
    },
    read: (file, start, length) => patiently(() => readRange(bucket, keyOf(file), { file, start, length })),
    close: () => bucket.close()
  }
}

async function readRange(
  bucket: Bucket,
  key: string,
  { file, start, length }: { readonly file: string; readonly start: number; readonly length: number }
): Promise<Buffer> {
  const request = { Bucket: bucket.name, Key: key, Range: `bytes=${start}-${start + length - 1}` }
  try {
    const bytes = await bucket.look(
      async (s3, options) => (await s3.getObject(request, options)).Body?.transformToByteArray(),
      (error) => replacedAs(file, error) !== undefined
    )
    if (bytes?.length !== length) throw new FileReplaced(file, false)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  } catch (error) {
    throw replacedAs(file, error) ?? error
  }
}

function replacedAs(file: string, error: unknown): FileReplaced | undefined {
  if (error instanceof FileReplaced) return error
  const name = s3ErrorName(error)
  if (name === 'NoSuchKey') return new FileReplaced(file, true)
  return ['PreconditionFailed', 'InvalidRange'].includes(name) ? new FileReplaced(file, false) : undefined
}
