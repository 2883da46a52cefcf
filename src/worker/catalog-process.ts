/**
 * The process that writes the catalog: scans and imports, one after the other, so that none of them publishes what another one has
 * changed since. Its supervisor ends it when there is nothing to do: what that needs of memory goes back to the system with it, and
 * metadata that would take too much of it takes no server down.
 */
import { createRepositoryDirectory } from '../files/repository-directory.ts'
import { createCatalogStore } from '../store/catalog-store.ts'
import { createImportStore } from '../store/import-store.ts'
import { createImportLane } from './import-lane.ts'
import { hostLane } from './lane-host.ts'
import { createReadingPool } from './reading-pool.ts'
import { freeRepositoryBytes } from './repository-room.ts'
import { CATALOG_KINDS, processChannel } from './runtime/worker-channel.ts'
import { createScanLane } from './scan-lane.ts'
import { ownerToShow } from './settings.ts'

hostLane(await processChannel(), CATALOG_KINDS, (context) => {
  const pool = createReadingPool()
  const repository = createRepositoryDirectory(context.settings.repositoryDirectory, ownerToShow(context.settings))
  const scan = createScanLane({ ...context, repository, pool })
  const { run: runImport, ...imports } = createImportLane({
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
    run: (work, signal) => (work.kind === 'import' ? runImport(work, signal) : scan(work, signal)),
    async close() {
      await pool.close()
    }
  }
})
