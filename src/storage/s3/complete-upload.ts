/**
 * Makes an archive of the parts of its upload, also where the storage dies meanwhile, or somebody else does the same.
 */
import type { CompletedPart } from '@aws-sdk/client-s3'
import { PartsLost, StorageError } from '../../core/problems/storage-error.ts'
import type { ArchiveClaim } from '../../core/storage/archive-storage.ts'
import { type Bucket, retryForever } from './bucket.ts'
import { s3ErrorName, toStorageError } from './storage-error.ts'
import { isGone, throwLost, type Upload } from './uploads.ts'

/** What a part is known by when the upload is completed. */
export type Parts = Map<number, CompletedPart>

export interface CompletionOptions {
  readonly bucket: Bucket
  readonly claim: Pick<ArchiveClaim, 'signal'>
  /** Whether the finished archive is there. */
  hasWhole(): Promise<boolean>
  removeObject(): Promise<void>
  /** How long an upload is waited for that the storage says it completes already. */
  readonly completionPatienceMs: number
  /**
   * Ids of uploads that were waited for in vain. They are left alone: the storage may still make the archive of their
   * parts.
   */
  readonly stuck: Set<string>
}

/**
 * Waits for storage that is away.
 * @throws PartsLost when the upload has gone without its archive, or when the storage has been busy with it for long:
 * then it is noted as stuck, and the archive is begun anew in another one. StorageTrouble that does not pass, or the
 * reason of the claim's signal
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
    await bucket.ask(
      (s3, asking) =>
        s3.completeMultipartUpload({ ...request, ...(condition === '' ? {} : { IfNoneMatch: condition }) }, asking),
      claim.signal,
      (error) => isGone(error) || isBusy(error) || isConditionRefused(error) || isOccupied(error)
    )
  } catch (error) {
    if (isConditionRefused(error)) return complete(options, upload, parts, '')
    if (!isGone(error) && !isBusy(error) && !isOccupied(error)) throw error
    // A former attempt, or another lease, has done it: of one plan there is only one archive. Its parts may be those of
    // this upload.
    if (await hasWhole()) return
    if (isBusy(error)) throw error
    if (isGone(error)) throwLost(error)
    await removeObject()
    throw new StorageError(`Something else was there in place of ${upload.key}.`, true)
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
