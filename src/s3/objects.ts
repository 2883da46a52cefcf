/** Single objects: what is known of them, and how they are removed and copied. */
import { type Bucket, patiently, persistently } from './bucket.ts'
import { encodeStamp, type ListedObject, type ObjectStamp, stampOf } from './object-stamp.ts'
import { s3ErrorName } from './storage-error.ts'

/** Amazon S3 User Guide, "Copying objects": what has more is copied in parts, of at most that. */
const MAX_COPY_BYTES = 5 * 1024 ** 3
const COPY_PART_BYTES = 1024 ** 3

export interface ObjectHead extends ListedObject {
  readonly stamp: ObjectStamp
}

export const isMissing = (error: unknown) => s3ErrorName(error) === 'NoSuchKey'

/** Undefined when it is not there. @throws StorageTrouble */
export async function headOf(bucket: Bucket, key: string): Promise<ObjectHead | undefined> {
  try {
    const facts = await patiently(() =>
      bucket.look((s3, options) => s3.headObject({ Bucket: bucket.name, Key: key }, options), isMissing)
    )
    const { ContentLength: size = 0, ETag: etag = '', LastModified: putAt = new Date(0), Metadata } = facts
    return { size, etag, putAt, stamp: stampOf({ size, etag, putAt }, Metadata) }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** One that is not there is no error. @throws StorageTrouble */
export async function removeObject(bucket: Bucket, key: string): Promise<void> {
  await bucket
    .look((s3, options) => s3.deleteObject({ Bucket: bucket.name, Key: key }, options), isMissing)
    .catch((error) => {
      if (!isMissing(error)) throw error
    })
}

/** As requests name the object that is copied. */
export function copySource(bucket: string, key: string): string {
  return [bucket, ...key.split('/')].map(encodeURIComponent).join('/')
}

export interface CopyOptions {
  readonly signal: AbortSignal
  /** Of the parts of an object that is too large to be copied at once. */
  readonly partBytes?: number
  /** What is larger is copied in parts. */
  readonly maxBytes?: number
}

/**
 * Copies an object within the storage, with what is written beside it.
 * @returns the ETag of the copy
 * @throws StorageTrouble, or the signal's reason
 */
export async function copyObject(
  bucket: Bucket,
  from: string,
  to: string,
  { signal, partBytes = COPY_PART_BYTES, maxBytes = MAX_COPY_BYTES }: CopyOptions
): Promise<string> {
  const source = { Bucket: bucket.name, Key: to, CopySource: copySource(bucket.name, from) }
  const head = await headOf(bucket, from)
  if (head === undefined || head.size <= maxBytes) {
    const answer = await persistently(signal, () => bucket.ask((s3, options) => s3.copyObject(source, options), signal))
    return answer.CopyObjectResult?.ETag ?? ''
  }
  const { modifiedAt, isGivenTime } = head.stamp
  const Metadata = isGivenTime ? { mtime: String(modifiedAt) } : {}
  const begun = await persistently(signal, () =>
    bucket.ask((s3, options) => s3.createMultipartUpload({ Bucket: bucket.name, Key: to, Metadata }, options), signal)
  )
  const UploadId = begun.UploadId ?? ''
  const Parts: { readonly PartNumber: number; readonly ETag: string | undefined }[] = []
  for (let start = 0; start < head.size; start += partBytes) {
    const PartNumber = Parts.length + 1
    const CopySourceRange = `bytes=${start}-${Math.min(start + partBytes, head.size) - 1}`
    const condition = { CopySourceRange, CopySourceIfMatch: head.etag }
    const part = await persistently(signal, () =>
      bucket.ask((s3, options) => s3.uploadPartCopy({ ...source, ...condition, UploadId, PartNumber }, options), signal)
    )
    Parts.push({ PartNumber, ETag: part.CopyPartResult?.ETag })
  }
  const whole = { Bucket: bucket.name, Key: to, UploadId, MultipartUpload: { Parts } }
  const answer = await bucket.ask((s3, options) => s3.completeMultipartUpload(whole, options), signal)
  return answer.ETag ?? ''
}

/** The stamp of an object that was put there with its time. */
export function stampWith(size: number, etag: string, modifiedAt: number): string {
  return encodeStamp({ size, etag, modifiedAt, isGivenTime: true })
}
