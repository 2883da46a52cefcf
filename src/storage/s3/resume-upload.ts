/** Archives that grow as multipart uploads: created, resumed where a former lease stopped, completed or aborted. */
import { StorageError } from '../../core/problems/storage-error.ts'
import type { ArchiveClaim, GrowingArchive } from '../../core/storage/archive-storage.ts'
import { type Bucket, retryForever } from './bucket.ts'
import { type CompletionOptions, completeUpload, type Parts } from './complete-upload.ts'
import { PartWriter } from './part-writer.ts'
import { abortUpload, isGone, listUploads, partSizeOf, throwLost, type Upload } from './uploads.ts'

const FIRST_TOKEN = 1

export interface UploadOptions extends CompletionOptions {
  readonly key: string
  readonly claim: ArchiveClaim
}

/** Waits for storage that is unavailable, until the claim's signal is aborted. */
export function resumeUpload(options: UploadOptions): Promise<GrowingArchive> {
  const { bucket, key, claim, stuck } = options
  return retryForever(claim.signal, async () => {
    // Before the first lease there was none that could have left anything.
    const isFirst = claim.token === FIRST_TOKEN
    if (!isFirst && (await options.hasWhole())) return published(options)
    const left = isFirst ? [] : (await listUploads(bucket, key)).filter((one) => one.key === key && !stuck.has(one.id))
    const [newest] = left
    const parts = newest === undefined ? undefined : await findParts(options, newest)
    for (const upload of parts === undefined ? left : left.slice(1)) await abortUpload(bucket, upload)
    if (newest !== undefined && parts !== undefined) return growing(options, newest, parts, claim.start)
    return growing(options, await createUpload(options), new Map(), 0)
  })
}

async function createUpload({ bucket, key }: UploadOptions): Promise<Upload> {
  const { UploadId = '' } = await bucket.request((s3, options) =>
    s3.createMultipartUpload(
      { Bucket: bucket.name, Key: key, ContentType: 'application/zip', ChecksumAlgorithm: 'CRC32' },
      options
    )
  )
  return { key, id: UploadId }
}

/** The parts before `claim.start`; undefined when one of them is missing. */
async function findParts({ bucket, claim }: UploadOptions, { key, id }: Upload): Promise<Parts | undefined> {
  const partSize = partSizeOf(claim.size)
  const count = claim.start / partSize
  if (count === 0 || !Number.isInteger(count)) return undefined
  const parts: Parts = new Map()
  let marker: string | undefined
  let isMore = true
  while (isMore && parts.size < count) {
    const request = { Bucket: bucket.name, Key: key, UploadId: id, PartNumberMarker: marker }
    const page = await bucket
      .request((s3, options) => s3.listParts(request, options), { isExpected: isGone })
      .catch((error) => {
        if (!isGone(error)) throw error
      })
    if (page === undefined) return undefined
    for (const { PartNumber = 0, Size, ETag, ChecksumCRC32 } of page.Parts ?? []) {
      if (PartNumber <= count && Size === partSize) parts.set(PartNumber, { PartNumber, ETag, ChecksumCRC32 })
    }
    isMore = page.IsTruncated === true
    marker = page.NextPartNumberMarker
  }
  return parts.size === count ? parts : undefined
}

function growing(options: UploadOptions, upload: Upload, parts: Parts, size: number): GrowingArchive {
  const { bucket, claim } = options
  // If the storage died while it completed the upload, both the upload and its archive may exist: an abort would remove
  // the archive's parts.
  const discard = async () => {
    if (!(await options.hasWhole())) await abortUpload(bucket, upload)
  }
  return {
    size,
    isPublished: false,
    openOutput: (onDurable) =>
      new PartWriter({
        size: claim.size,
        partSize: partSizeOf(claim.size),
        start: size,
        onDurable,
        async upload(number, bytes, cancelSignal) {
          const signal = AbortSignal.any([cancelSignal, claim.signal])
          parts.set(number, await retryForever(signal, () => uploadPart(bucket, upload, { number, bytes, signal })))
        }
      }),
    async publish() {
      try {
        await completeUpload(options, upload, parts)
      } catch (error) {
        // After a stop the next run completes it.
        if (!claim.signal.aborted && !options.stuck.has(upload.id)) await discard().catch(leaveToSweep)
        throw error
      }
    },
    discard: () => discard().catch(leaveToSweep),
    keep: async () => {}
  }
}

/** The archive is complete already: nothing of it is written any more. */
function published({ bucket, key, removeObject }: UploadOptions): GrowingArchive {
  const nothing = async () => {}
  return {
    size: 0,
    isPublished: true,
    openOutput() {
      throw new Error(`${bucket.name}/${key} is whole already`)
    },
    publish: nothing,
    discard: () => removeObject().catch(leaveToSweep),
    keep: nothing
  }
}

interface PartBytes {
  readonly number: number
  readonly bytes: Buffer
  readonly signal: AbortSignal
}

/** The SDK sends the CRC-32 and the signed digest: the storage rejects damaged parts, and they are sent again. */
async function uploadPart(bucket: Bucket, { key, id }: Upload, { number, bytes, signal }: PartBytes) {
  const request = { Bucket: bucket.name, Key: key, UploadId: id, PartNumber: number, Body: bytes }
  const answer = await bucket
    .request((s3, options) => s3.uploadPart({ ...request, ChecksumAlgorithm: 'CRC32' }, options), {
      signal,
      isExpected: isGone
    })
    .catch(throwLost)
  return { PartNumber: number, ETag: answer.ETag, ChecksumCRC32: answer.ChecksumCRC32 }
}

/** An upload that cannot be aborted now belongs to no archive, and is swept later. */
function leaveToSweep(error: unknown): void {
  if (!(error instanceof StorageError)) throw error
}
