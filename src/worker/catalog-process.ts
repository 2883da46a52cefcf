/**
 * The process that writes the catalog: it runs scans and imports one after the other, so that none publishes what
 * another one has changed since. The supervisor ends it when no job waits, which returns its memory to the system.
 * Metadata that exhausts the memory ends this process, and not the server.
 */

import { ownerToShow } from '../core/storage/storage-config.ts'
import { createRepositoryDirectory } from '../storage/disk/repository-directory.ts'
import { createCatalogStore } from '../store/catalog/catalog-store.ts'
import { createImportStore } from '../store/imports/import-store.ts'
import { createImportHandler } from './import/import-handler.ts'
import { freeRepositoryBytes } from './runtime/repository-space.ts'
import { CATALOG_KINDS, processChannel } from './runtime/worker-channel.ts'
import { hostWorker } from './runtime/worker-host.ts'
import { createFileReaderPool } from './scan/file-reader-pool.ts'
import { createScanHandler } from './scan/scan-handler.ts'

hostWorker(await processChannel(), CATALOG_KINDS, (context) => {
  const pool = createFileReaderPool()
  const repository = createRepositoryDirectory(context.settings.repositoryDirectory, ownerToShow(context.settings))
  const scan = createScanHandler({ ...context, repository, pool })
  const { run: runImport, ...imports } = createImportHandler({
    ...context,
    repository,
    pool,
    async freeBytes() {
      const reserved = await createImportStore(context.db).reservedBytes(new Date())
      return (await freeRepositoryBytes(context.settings, createCatalogStore(context.db))) - reserved
    }
  })
  return {
    ...imports,
    run: (job, signal) => (job.kind === 'import' ? runImport(job, signal) : scan(job, signal)),
    async close() {
      await pool.close()
    }
  }
})
