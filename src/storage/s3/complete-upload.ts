/**
 * Makes an archive of the parts of its upload, also when the storage dies meanwhile, or another lease completes the
 * same upload.
 */
import type { CompletedPart } from '@aws-sdk/client-s3'
import { PartsLost, StorageError } from '../../core/problems/storage-error.ts'
import type { ArchiveClaim } from '../../core/storage/archive-storage.ts'
import { type Bucket, retryForever } from './bucket.ts'
import { isConditionUnsupported, s3ErrorName, toStorageError } from './s3-error.ts'
import { isGone, throwLost, type Upload } from './uploads.ts'

/** The parts that were uploaded, by their numbers. */
export type Parts = Map<number, CompletedPart>

export interface CompletionOptions {
  readonly bucket: Bucket
  readonly claim: Pick<ArchiveClaim, 'signal'>
  /** Whether the finished archive exists. */
  hasWhole(): Promise<boolean>
  removeObject(): Promise<void>
  /** How long to wait for an upload that the storage is completing already. */
  readonly completionPatienceMs: number
  /**
   * Ids of uploads that were not completed within that time. They are not aborted: the storage may still make the
   * archive of their parts.
   */
  readonly stuck: Set<string>
}

/**
 * Waits for storage that is unavailable.
 * @throws PartsLost when the upload is gone without its archive. Also when the storage stays busy with it for longer
 * than `completionPatienceMs`: then the upload is added to `stuck`, and the archive is written anew in another one.
 * StorageError that is not transient, or the reason of the claim's signal
 */
export async function completeUpload(options: CompletionOptions, upload: Upload, parts: Parts): Promise<void> {
  const { claim, completionPatienceMs, stuck } = options
  let busySince: number | undefined
  await retryForever(claim.signal, async () => {
    try {
      await complete(options, upload, parts)
    } catch (error) {
      if (!isBusy(error)) throw error
      busySince ??= performance.now()
      if (performance.now() - busySince < completionPatienceMs) throw toStorageError(error)
      stuck.add(upload.id)
      throw new PartsLost('The upload of the archive cannot be completed')
    }
  })
}

async function complete(options: CompletionOptions, upload: Upload, parts: Parts, condition = '*'): Promise<void> {
  const { bucket, claim, hasWhole, removeObject } = options
  const Parts = [...parts.values()].sort((left, right) => (left.PartNumber ?? 0) - (right.PartNumber ?? 0))
  const request = { Bucket: bucket.name, Key: upload.key, UploadId: upload.id, MultipartUpload: { Parts } }
  try {
    await bucket.request(
      (s3, sending) =>
        s3.completeMultipartUpload({ ...request, ...(condition === '' ? {} : { IfNoneMatch: condition }) }, sending),
      {
        signal: claim.signal,
        isExpected: (error) => isGone(error) || isBusy(error) || isConditionUnsupported(error) || isOccupied(error)
      }
    )
  } catch (error) {
    if (isConditionUnsupported(error)) return complete(options, upload, parts, '')
    if (!isGone(error) && !isBusy(error) && !isOccupied(error)) throw error
    // A former attempt, or another lease, has completed it: a plan has only one archive. Its parts may be those of this
    // upload.
    if (await hasWhole()) return
    if (isBusy(error)) throw error
    if (isGone(error)) throwLost(error)
    await removeObject()
    throw new StorageError(`Another object was stored as ${upload.key}.`, true)
  }
}

/**
 * Another lease is completing it, or the storage failed. When Ceph's gateway has died meanwhile, it returns this error
 * for ten minutes, the lifetime of its lock (`rgw_mp_lock_max_time`).
 */
const isBusy = (error: unknown) =>
  /^(InternalError|OperationAborted|ConditionalRequestConflict)$/.test(s3ErrorName(error))
const isOccupied = (error: unknown) => s3ErrorName(error) === 'PreconditionFailed'
