/** Parts of an upload that the storage copies by itself: no byte of them goes through this process. */
import type { CompletedPart } from '@aws-sdk/client-s3'
import { FileReplaced } from '../core/file-replaced.ts'
import { type Bucket, persistently } from './bucket.ts'
import type { ObjectOrigin } from './object-origin.ts'
import { copySource, headOf } from './objects.ts'
import { s3ErrorName } from './storage-error.ts'
import type { Upload } from './uploads.ts'

export interface PartCopy {
  readonly number: number
  readonly origin: ObjectOrigin
  /** Bytes of the origin. */
  readonly start: number
  readonly length: number
  readonly signal: AbortSignal
}

const REFUSED = ['NotImplemented', 'MethodNotAllowed', 'AccessDenied', 'InvalidRequest']
const CHANGED = ['PreconditionFailed', 'InvalidRange', 'NoSuchKey']

/**
 * There are servers that copy without looking at the condition (Ceph 16): afterwards it is asked whether the origin is still the one
 * that the catalog knows.
 * @returns undefined when the storage does not do that
 * @throws FileReplaced, StorageTrouble that does not pass, the signal's reason, or NoSuchUpload of the SDK
 */
export async function copyPart(
  bucket: Bucket,
  { key, id }: Upload,
  { number, origin, start, length, signal }: PartCopy
): Promise<CompletedPart | undefined> {
  const request = {
    Bucket: bucket.name,
    Key: key,
    UploadId: id,
    PartNumber: number,
    CopySource: copySource(origin.bucket, origin.key),
    CopySourceRange: `bytes=${start}-${start + length - 1}`,
    CopySourceIfMatch: origin.etag
  }
  const isKnown = (error: unknown) => [...REFUSED, ...CHANGED, 'NoSuchUpload'].includes(s3ErrorName(error))
  try {
    const answer = await persistently(signal, () =>
      bucket.ask((s3, options) => s3.uploadPartCopy(request, options), signal, isKnown)
    )
    const head = await persistently(signal, () => headOf({ ...bucket, name: origin.bucket }, origin.key))
    if (head?.etag !== origin.etag) throw new FileReplaced(origin.path, head === undefined)
    const { ETag, ChecksumCRC32 } = answer.CopyPartResult ?? {}
    return { PartNumber: number, ETag, ChecksumCRC32 }
  } catch (error) {
    const name = s3ErrorName(error)
    if (REFUSED.includes(name)) return undefined
    throw CHANGED.includes(name) ? new FileReplaced(origin.path, name === 'NoSuchKey') : error
  }
}

/** The same bytes, for who has to send them himself. @throws as `copyPart` does */
export async function readPart(bucket: Bucket, { origin, start, length, signal }: PartCopy): Promise<Buffer> {
  const request = {
    Bucket: origin.bucket,
    Key: origin.key,
    Range: `bytes=${start}-${start + length - 1}`,
    IfMatch: origin.etag
  }
  const isChanged = (error: unknown) => CHANGED.includes(s3ErrorName(error))
  try {
    const bytes = await persistently(signal, () =>
      bucket.ask(
        async (s3, options) => (await s3.getObject(request, options)).Body?.transformToByteArray(),
        signal,
        isChanged
      )
    )
    if (bytes?.length !== length) throw new FileReplaced(origin.path, false)
    return Buffer.from(bytes.buffer, bytes.byteOffset, length)
  } catch (error) {
    throw isChanged(error) ? new FileReplaced(origin.path, s3ErrorName(error) === 'NoSuchKey') : error
  }
}
