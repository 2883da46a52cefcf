/**
 * Compares the names and sizes of the archives in a bucket with the plans that own them. The server may add and remove
 * archives meanwhile.
 */

import { StorageError } from '../../core/problems/storage-error.ts'
import { isArchiveFileNeeded } from '../../core/storage/archive-file.ts'
import type { BucketSettings } from '../../core/storage/storage-config.ts'
import { createArchiveBucket } from '../../storage/s3/archive-bucket.ts'
import type { InspectionStore } from '../../store/maintenance/inspection-store.ts'
import type { Findings } from './findings.ts'

const FILES_PER_STATEMENT = 500

export async function checkBucket(store: InspectionStore, settings: BucketSettings, findings: Findings): Promise<void> {
  const bucket = createArchiveBucket(settings)
  const location = `s3://${settings.bucket}/${settings.prefix}`
  try {
    const sizes = new Map<string, number>()
    for await (const page of bucket.objects()) for (const { name, size } of page) sizes.set(name, size)
    for await (const archives of store.keptArchivePages()) {
      for (const { name, size } of archives) {
        if (sizes.get(name) === size) continue
        // The archive may have been written or deleted since the list was made.
        if (await bucket.hasWhole(name, size)) continue
        if ((await store.archiveStates([name])).get(name) !== 'kept') continue
        const found = sizes.get(name)
        const wrong = found === undefined ? 'is missing.' : `has ${found} bytes, but should have ${size}.`
        findings.report('archive', `${name} ${wrong}`)
      }
    }
    const files = await bucket.ownFiles()
    for (let start = 0; start < files.length; start += FILES_PER_STATEMENT) {
      const some = files.slice(start, start + FILES_PER_STATEMENT)
      const states = await store.archiveStates(some.map(({ archiveName }) => archiveName))
      for (const file of some) {
        if (isArchiveFileNeeded(file, states.get(file.archiveName))) continue
        const what = file.token === undefined ? file.archiveName : `An upload of ${file.archiveName}`
        findings.report('archive', `${what} belongs to no export.`)
      }
    }
    findings.note(`The names and sizes of the archives in ${location} were compared; their content was not read.`)
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    findings.giveUp(`The archives in ${location} cannot be checked. ${error.message}`)
  } finally {
    bucket.close()
  }
}
