/** The multipart uploads of archives: begun, gone on with where a former lease left them, completed or aborted. */
import type { CompletedPart } from '@aws-sdk/client-s3'
import type { ArchiveClaim, GrowingArchive } from '../core/archive-storage.ts'
import { PartsLost, StorageTrouble } from '../core/archive-trouble.ts'
import { type Bucket, persistently } from './bucket.ts'
import { copyPart, type PartCopy, readPart } from './copy-part.ts'
import { partSizeOf } from './part-plan.ts'
import { PartWriter } from './part-writer.ts'
import { s3ErrorName, toStorageTrouble } from './storage-error.ts'

const FIRST_TOKEN = 1

export interface Upload {
  readonly key: string
  readonly id: string
}

/** What a part is known by when the upload is completed. */
type Parts = Map<number, CompletedPart>

export interface UploadOptions {
  readonly bucket: Bucket
  readonly key: string
  readonly claim: ArchiveClaim
  /** Whether the finished archive is there. */
  hasWhole(): Promise<boolean>
  removeObject(): Promise<void>
  /** How long an upload is waited for that the storage says it completes already. */
  readonly completionPatienceMs: number
  /** Ids of uploads that were waited for in vain. They are left alone: the storage may still make the archive of their parts. */
  readonly stuck: Set<string>
}

const isGone = (error: unknown) => s3ErrorName(error) === 'NoSuchUpload'

/** All uploads whose keys begin so, the newest first. */
export async function listUploads(bucket: Bucket, prefix: string): Promise<Upload[]> {
  const uploads: (Upload & { readonly begunAt: number })[] = []
  let [keyMarker, idMarker]: (string | undefined)[] = []
  let isMore = true
  while (isMore) {
    const page = await bucket.look((s3, options) =>
      s3.listMultipartUploads(
        { Bucket: bucket.name, Prefix: prefix, KeyMarker: keyMarker, UploadIdMarker: idMarker },
        options
      )
    )
    for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? []) {
      uploads.push({ key: Key, id: UploadId, begunAt: Initiated?.getTime() ?? 0 })
    }
    isMore = page.IsTruncated === true
    keyMarker = page.NextKeyMarker
    idMarker = page.NextUploadIdMarker
  }
  return uploads.sort((left, right) => right.begunAt - left.begunAt)
}

/** One that is not there is no error. */
export async function abortUpload(bucket: Bucket, { key, id }: Upload): Promise<void> {
  await bucket
    .look((s3, options) => s3.abortMultipartUpload({ Bucket: bucket.name, Key: key, UploadId: id }, options), isGone)
    .catch((error) => {
      if (!isGone(error)) throw error
    })
}

/** Waits for storage that is away, until the claim's signal is aborted. */
export function resumeUpload(options: UploadOptions): Promise<GrowingArchive> {
  const { bucket, key, claim, stuck } = options
  return persistently(claim.signal, async () => {
    // Before the first lease there was none that could have left anything.
    const isFirst = claim.token === FIRST_TOKEN
    // Its upload may still be there, where the storage died while it completed it: to abort that would take the archive's parts away.
    if (!isFirst && claim.start > 0 && (await options.hasWhole())) return published(options)
    const left = isFirst ? [] : (await listUploads(bucket, key)).filter((one) => one.key === key && !stuck.has(one.id))
    const [newest] = left
    const parts = newest === undefined ? undefined : await wholeParts(options, newest)
    for (const upload of parts === undefined ? left : left.slice(1)) await abortUpload(bucket, upload)
    if (newest !== undefined && parts !== undefined) return growing(options, newest, parts, claim.start)
    return growing(options, await begin(options), new Map(), 0)
  })
}

async function begin({ bucket, key }: UploadOptions): Promise<Upload> {
  const { UploadId = '' } = await bucket.look((s3, options) =>
    s3.createMultipartUpload(
      { Bucket: bucket.name, Key: key, ContentType: 'application/zip', ChecksumAlgorithm: 'CRC32' },
      options
    )
  )
  return { key, id: UploadId }
}

/** The parts that have the first bytes which the claim wants; undefined when these are not all there. */
async function wholeParts({ bucket, claim }: UploadOptions, { key, id }: Upload): Promise<Parts | undefined> {
  const partSize = partSizeOf(claim.size)
  const count = claim.start / partSize
  if (count === 0 || !Number.isInteger(count)) return undefined
  const parts: Parts = new Map()
  let marker: string | undefined
  let isMore = true
  while (isMore && parts.size < count) {
    const page = await bucket
      .look(
        (s3, options) =>
          s3.listParts({ Bucket: bucket.name, Key: key, UploadId: id, PartNumberMarker: marker }, options),
        isGone
      )
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
  const discard = () => abortUpload(bucket, upload).catch(leaveToSweep)
  return {
    size,
    isPublished: false,
    openOutput: (onDurable) =>
      new PartWriter({
        size: claim.size,
        partSize: partSizeOf(claim.size),
        start: size,
        onDurable,
        async upload(number, bytes, giveUp) {
          const signal = AbortSignal.any([giveUp, claim.signal])
          parts.set(number, await persistently(signal, () => uploadPart(bucket, upload, { number, bytes, signal })))
        },
        async copy(part, giveUp) {
          const copy = { ...part, signal: AbortSignal.any([giveUp, claim.signal]) }
          parts.set(part.number, await copyOrSend(bucket, upload, copy))
        }
      }),
    async publish() {
      try {
        await completePatiently(options, upload, parts)
      } catch (error) {
        // A stop leaves it to the next run.
        if (!claim.signal.aborted && !options.stuck.has(upload.id)) await discard()
        throw error
      }
    },
    discard,
    leave: async () => {}
  }
}

/** Nothing of it is to be written any more. */
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
    leave: nothing
  }
}

interface PartBytes {
  readonly number: number
  readonly bytes: Buffer
  readonly signal: AbortSignal
}

/** The SDK sends the CRC-32 along, and the digest that is signed: what arrives damaged is refused, and sent again. */
async function uploadPart(bucket: Bucket, { key, id }: Upload, { number, bytes, signal }: PartBytes) {
  const request = { Bucket: bucket.name, Key: key, UploadId: id, PartNumber: number, Body: bytes }
  const answer = await bucket
    .ask((s3, options) => s3.uploadPart({ ...request, ChecksumAlgorithm: 'CRC32' }, options), signal, isGone)
    .catch(throwLost)
  return { PartNumber: number, ETag: answer.ETag, ChecksumCRC32: answer.ChecksumCRC32 }
}

/** Storage that has refused to copy is not asked again. */
const unable = new WeakSet<Bucket>()

async function copyOrSend(bucket: Bucket, upload: Upload, copy: PartCopy): Promise<CompletedPart> {
  const copied = unable.has(bucket) ? undefined : await copyPart(bucket, upload, copy).catch(throwLost)
  if (copied !== undefined) return copied
  unable.add(bucket)
  const { number, signal } = copy
  const bytes = await readPart(bucket, copy)
  return persistently(signal, () => uploadPart(bucket, upload, { number, bytes, signal }))
}

/** @throws PartsLost when the storage has been busy with the upload for long: its archive is begun anew, in another one */
async function completePatiently(options: UploadOptions, upload: Upload, parts: Parts): Promise<void> {
  const { bucket, claim, completionPatienceMs, stuck } = options
  let busySince: number | undefined
  await persistently(claim.signal, async () => {
    try {
      await complete(options, upload, parts)
    } catch (error) {
      if (!isBusy(error)) throw error
      busySince ??= performance.now()
      if (performance.now() - busySince < completionPatienceMs) throw toStorageTrouble(error, bucket.subject)
      stuck.add(upload.id)
      throw new PartsLost('The upload of the archive cannot be completed')
    }
  })
}

async function complete(options: UploadOptions, upload: Upload, parts: Parts, condition = '*'): Promise<void> {
  const { bucket, claim, hasWhole, removeObject } = options
  const Parts = [...parts.values()].sort((left, right) => (left.PartNumber ?? 0) - (right.PartNumber ?? 0))
  const request = { Bucket: bucket.name, Key: upload.key, UploadId: upload.id, MultipartUpload: { Parts } }
  try {
    await bucket.ask(
      (s3, asking) =>
        s3.completeMultipartUpload({ ...request, ...(condition === '' ? {} : { IfNoneMatch: condition }) }, asking),
      claim.signal,
      (error) => isGone(error) || isBusy(error) || isConditionRefused(error) || isOccupied(error)
    )
  } catch (error) {
    if (isConditionRefused(error)) return complete(options, upload, parts, '')
    if (!isGone(error) && !isBusy(error) && !isOccupied(error)) throw error
    // A former attempt, or another lease, has done it: of one plan there is only one archive. Its parts may be those of this upload.
    if (await hasWhole()) return
    if (isBusy(error)) throw error
    if (isGone(error)) throwLost(error)
    await removeObject()
    throw new StorageTrouble(`Something else was there in place of ${upload.key}.`, true)
  }
}

/**
 * Somebody else completes it, or the storage failed at it. Ceph's gateway says so for ten minutes, the time of its lock
 * (`rgw_mp_lock_max_time`), when it has died meanwhile.
 */
const isBusy = (error: unknown) =>
  /^(InternalError|OperationAborted|ConditionalRequestConflict)$/.test(s3ErrorName(error))
const isOccupied = (error: unknown) => s3ErrorName(error) === 'PreconditionFailed'
/** Of a server that does not know it. */
const isConditionRefused = (error: unknown) => s3ErrorName(error) === 'NotImplemented'

function throwLost(error: unknown): never {
  if (isGone(error)) throw new PartsLost('The upload of the archive has been aborted')
  throw error
}

/** What cannot be removed now belongs to nobody, and is swept later. */
function leaveToSweep(error: unknown): void {
  if (!(error instanceof StorageTrouble)) throw error
}
