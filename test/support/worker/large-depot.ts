import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { OPERATION_SUCCEEDED } from '../../../src/core/problems/message.ts'
import { readArchive } from '../archive-readers.ts'
import { packageFiles } from '../packages.ts'
import { type ExportDepot, makeExportDepot, writeSparse } from './pack-queued.ts'

/** Large enough that a test can interrupt its export. */
const LARGE_BYTES = 48 * 2 ** 20

/** A depot whose only package is large; it is in the catalog. */
export async function largeDepot(t: Test): Promise<ExportDepot> {
  const depot = await makeExportDepot(t, packageFiles({ fixid: 'large', payload: '' }))
  writeSparse(path.join(depot.repositoryDirectory, 'large.uxz'), LARGE_BYTES, 'the end')
  await depot.scan()
  return depot
}

/** Asserts that the task was completed, and its archive is complete. */
export async function isPacked(
  t: Test,
  depot: ExportDepot,
  { id, archiveName }: { id: number; archiveName: string }
): Promise<void> {
  const task = await depot.tasks.findTask(id)
  t.match(task, { state: 'completed' })
  t.match(task, { packagesDone: task?.packagesTotal, bytesDone: task?.bytesTotal })
  t.same(task?.messages[0], OPERATION_SUCCEEDED)
  const archive = path.join(depot.archivesDirectory, archiveName)
  t.equal(fs.statSync(archive).size, task?.bytesTotal)
  const isEqual = (await readArchive(archive)).map(({ name, content }) =>
    content.equals(fs.readFileSync(path.join(depot.repositoryDirectory, name)))
  )
  t.ok(isEqual.length > 0 && !isEqual.includes(false), 'its content is that of the repository')
  t.same(
    depot.archives().filter((name) => name.endsWith('.part')),
    []
  )
}
