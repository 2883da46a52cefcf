/** Compares the repository with what was read of it. Memory does not grow with the repository. */

import { reasonOf } from '../../core/problems/system-error.ts'
import { createRepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import type { InspectionStore } from '../../store/maintenance/inspection-store.ts'
import type { Findings } from './findings.ts'

export async function checkCatalog(store: InspectionStore, directory: string, draft: Findings): Promise<void> {
  const { isRead, isCurrent } = await store.catalogState()
  if (!isRead) {
    draft.report('catalog', 'The repository has not been read yet. Start the server.')
    return
  }
  if (!isCurrent)
    draft.report('catalog', 'It is older than what was read: the repository is being read, or that was interrupted.')
  try {
    await walk(store, directory, draft)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    draft.giveUp(`The repository directory ${directory} cannot be read: ${reasonOf(error)}.`)
    return
  }
  for await (const files of store.changedPages()) {
    for (const { path, isNew } of files) {
      draft.report('catalog', isNew ? `${path} is new.` : `${path} has changed since it was read.`)
    }
  }
  for await (const files of store.missingPages()) {
    for (const { path } of files) draft.report('catalog', `${path} is not there any more.`)
  }
}

async function walk(store: InspectionStore, directory: string, draft: Findings): Promise<void> {
  await store.beginFiles()
  for (const portion of createRepositoryDirectory(directory).walk()) {
    await store.addFiles(portion.flatMap((entry) => ('file' in entry ? [entry.file] : [])))
    for (const entry of portion) {
      if ('file' in entry || entry.problem.code !== 'unreadable') continue
      draft.report('catalog', `${JSON.stringify(entry.problem.path)} cannot be read.`)
    }
  }
}
