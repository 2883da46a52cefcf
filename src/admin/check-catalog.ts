/** Compares the repository with what was read of it. Memory does not grow with the repository. */
import { StorageTrouble } from '../core/archive-trouble.ts'
import type { KnownReadings, RepositoryStorage } from '../core/repository-storage.ts'
import type { InspectionStore } from '../store/inspection-store.ts'
import type { Findings } from './findings.ts'
import { reasonOf } from './refusal.ts'

/** The repository, and where it is in words. */
export interface RepositoryToCheck {
  readonly repository: RepositoryStorage
  readonly place: string
  readonly known: KnownReadings
}

export async function checkCatalog(
  store: InspectionStore,
  checked: RepositoryToCheck,
  findings: Findings
): Promise<void> {
  const { isRead, isCurrent } = await store.catalogState()
  if (!isRead) {
    findings.report('catalog', 'The repository has not been read yet. Start the server.')
    return
  }
  if (!isCurrent)
    findings.report('catalog', 'It is older than what was read: the repository is being read, or that was interrupted.')
  try {
    await walk(store, checked, findings)
  } catch (error) {
    if (error instanceof StorageTrouble) {
      findings.giveUp(`The repository in ${checked.place} cannot be checked. ${error.message}`)
      return
    }
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    findings.giveUp(`The repository directory ${checked.place} cannot be read: ${reasonOf(error)}.`)
    return
  }
  for await (const files of store.changedPages()) {
    for (const { path, isNew } of files) {
      findings.report('catalog', isNew ? `${path} is new.` : `${path} has changed since it was read.`)
    }
  }
  for await (const files of store.missingPages()) {
    for (const { path } of files) findings.report('catalog', `${path} is not there any more.`)
  }
}

async function walk(
  store: InspectionStore,
  { repository, known }: RepositoryToCheck,
  findings: Findings
): Promise<void> {
  await store.beginFiles()
  for await (const portion of repository.walk(known)) {
    await store.addFiles(portion.flatMap((sighting) => ('file' in sighting ? [sighting.file] : [])))
    for (const sighting of portion) {
      if ('file' in sighting || sighting.problem.code !== 'unreadable') continue
      findings.report('catalog', `${JSON.stringify(sighting.problem.path)} cannot be read.`)
    }
  }
}
