/** Puts a file of this machine into a bucket: nobody sees anything of it before it is whole. */
import { type FileHandle, open } from 'node:fs/promises'
import { StorageTrouble } from '../core/archive-trouble.ts'
import { type Bucket, persistently } from './bucket.ts'
import { TIME_NAME } from './object-stamp.ts'
import { headOf, stampWith } from './objects.ts'
import { partSizeOf } from './part-plan.ts'
import { sideBySide } from './side-by-side.ts'
import { abortUpload, isGone, listUploads, type Upload } from './uploads.ts'

/** What has more goes in parts; so many of them are in memory at a time. */
const PUT_BYTES = 8 * 1024 * 1024
const PARTS_AT_A_TIME = 3
/** Of an ETag in its quotes. */
const HAS_VALUE = /[^"]/

/**
 * @param file its path; nobody changes it meanwhile
 * @returns the stamp of the object
 * @throws StorageTrouble that does not pass, the system's error, or the signal's reason
 */
export async function putFile(bucket: Bucket, key: string, file: string, signal: AbortSignal): Promise<string> {
  const handle = await open(file, 'r')
  try {
    const { size, mtimeMs } = await handle.stat()
    const modifiedAt = Math.floor(mtimeMs / 1000)
    const target = { Bucket: bucket.name, Key: key, Metadata: { [TIME_NAME]: String(modifiedAt) } }
    if (size > PUT_BYTES) return stampWith(size, await putParts(bucket, target, { handle, size, signal }), modifiedAt)
    const Body = await read(handle, 0, size)
    const answer = await persistently(signal, () =>
      bucket.ask((s3, options) => s3.putObject({ ...target, Body, ChecksumAlgorithm: 'CRC32' }, options), signal)
    )
    return stampWith(size, answer.ETag ?? '', modifiedAt)
  } finally {
    await handle.close()
  }
}

interface Target {
  readonly Bucket: string
  readonly Key: string
  readonly Metadata: Record<string, string>
}

interface Content {
  readonly handle: FileHandle
  readonly size: number
  readonly signal: AbortSignal
}

/** @returns the ETag */
async function putParts(bucket: Bucket, target: Target, content: Content): Promise<string> {
  const { signal } = content
  const key = target.Key
  // What a run has left that died: the object is about to be another one in any case.
  for (const upload of await persistently(signal, () => listUploads(bucket, key))) {
    if (upload.key === key) await abortUpload(bucket, upload)
  }
  const begun = await persistently(signal, () =>
    bucket.ask((s3, options) => s3.createMultipartUpload({ ...target, ChecksumAlgorithm: 'CRC32' }, options), signal)
  )
  const upload: Upload = { key, id: begun.UploadId ?? '' }
  try {
    return await complete(bucket, upload, await sendParts(bucket, upload, content), content)
  } catch (error) {
    await abortUpload(bucket, upload).catch(() => {})
    throw error
  }
}

interface SentPart {
  readonly PartNumber: number
  readonly ETag: string | undefined
  readonly ChecksumCRC32: string | undefined
}

function sendParts(bucket: Bucket, { key, id }: Upload, { handle, size, signal }: Content): Promise<SentPart[]> {
  const partSize = partSizeOf(size)
  const starts = Array.from({ length: Math.ceil(size / partSize) }, (_, index) => index * partSize)
  return sideBySide(starts, PARTS_AT_A_TIME, async (start) => {
    const PartNumber = start / partSize + 1
    const Body = await read(handle, start, Math.min(partSize, size - start))
    const request = { Bucket: bucket.name, Key: key, UploadId: id, PartNumber, Body }
    const { ETag, ChecksumCRC32 } = await persistently(signal, () =>
      bucket.ask((s3, options) => s3.uploadPart({ ...request, ChecksumAlgorithm: 'CRC32' }, options), signal)
    )
    return { PartNumber, ETag, ChecksumCRC32 }
  })
}

async function complete(
  bucket: Bucket,
  { key, id }: Upload,
  Parts: SentPart[],
  { size, signal }: Content
): Promise<string> {
  const request = { Bucket: bucket.name, Key: key, UploadId: id, MultipartUpload: { Parts } }
  return persistently(signal, async () => {
    try {
      const { ETag } = await bucket.ask((s3, options) => s3.completeMultipartUpload(request, options), signal, isGone)
      if (ETag !== undefined && HAS_VALUE.test(ETag)) return ETag
    } catch (error) {
      if (!isGone(error)) throw error
    }
    // A former attempt has done it, whose answer was lost; or the answer does not tell, as that of radosgw now and then.
    const head = await headOf(bucket, key)
    if (head?.size !== size) throw new StorageTrouble(`The upload of ${key} was lost.`, false)
    return head.etag
  })
}

/** @throws RangeError when the file has become shorter */
async function read(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, start + filled)
    if (bytesRead === 0) throw new RangeError('the file has become shorter')
    filled += bytesRead
  }
  return bytes
}
