/** Compares the files of the repository with the catalog. Memory does not grow with the repository. */
import { reasonOf } from '../../core/problems/system-error.ts'
import { createRepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import type { InspectionStore } from '../../store/maintenance/inspection-store.ts'
import type { Findings } from './findings.ts'

export async function checkCatalog(store: InspectionStore, directory: string, findings: Findings): Promise<void> {
  const { isRead, isCurrent } = await store.catalogState()
  if (!isRead) {
    findings.report('catalog', 'The repository has not been read yet. Start the server.')
    return
  }
  if (!isCurrent)
    findings.report('catalog', 'It is older than the files that were read: a scan is running, or was interrupted.')
  try {
    await walk(store, directory, findings)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    findings.giveUp(`The repository directory ${directory} cannot be read: ${reasonOf(error)}.`)
    return
  }
  for await (const files of store.changedPages()) {
    for (const { path, isNew } of files) {
      findings.report('catalog', isNew ? `${path} is new.` : `${path} has changed since it was read.`)
    }
  }
  for await (const files of store.missingPages()) {
    for (const { path } of files) findings.report('catalog', `${path} no longer exists.`)
  }
}

async function walk(store: InspectionStore, directory: string, findings: Findings): Promise<void> {
  await store.beginFiles()
  for (const portion of createRepositoryDirectory(directory).walk()) {
    await store.addFiles(portion.flatMap((entry) => ('file' in entry ? [entry.file] : [])))
    for (const entry of portion) {
      if ('file' in entry || entry.problem.code !== 'unreadable') continue
      findings.report('catalog', `${JSON.stringify(entry.problem.path)} cannot be read.`)
    }
  }
}
