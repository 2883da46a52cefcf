/**
 * Compares the directory of archives with the plans that own its files. The server may add and remove files meanwhile.
 */
import fs from 'node:fs'
import path from 'node:path'
import { reasonOf } from '../../core/problems/system-error.ts'
import type { ArchiveState } from '../../core/storage/archive-file.ts'
import { isArchiveFileNeeded, parseArchiveFile } from '../../core/storage/archive-file.ts'
import { MARKER_FILE } from '../../storage/disk/ownership-marker.ts'
import type { InspectionStore, KeptArchive } from '../../store/maintenance/inspection-store.ts'
import type { Findings } from './findings.ts'

const FILES_PER_STATEMENT = 500

export async function checkArchives(store: InspectionStore, directory: string, findings: Findings): Promise<void> {
  try {
    await checkKept(store, directory, findings)
    await checkFiles(store, directory, findings)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    findings.giveUp(`The directory ${directory} cannot be read: ${reasonOf(error)}.`)
  }
}

async function checkKept(store: InspectionStore, directory: string, findings: Findings): Promise<void> {
  for await (const archives of store.keptArchivePages()) {
    for (const archive of archives) {
      const wrong = whatIsWrong(directory, archive)
      // The archive may have been deleted in the meantime.
      if (wrong === undefined || (await stateOf(store, archive.name)) !== 'kept') continue
      findings.report('archive', `${archive.name} ${wrong}`)
    }
  }
}

function whatIsWrong(directory: string, { name, size }: KeptArchive): string | undefined {
  const stat = statOf(directory, name)
  if (stat === undefined) return 'is missing.'
  if (!stat.isFile()) return 'is not a file.'
  return stat.size === size ? undefined : `has ${stat.size} bytes, but should have ${size}.`
}

async function checkFiles(store: InspectionStore, directory: string, findings: Findings): Promise<void> {
  for (const names of pagesOf(directory)) {
    const files = names.map((name) => ({ name, file: parseArchiveFile(name) }))
    const states = await store.archiveStates(files.map(({ file }) => file?.archiveName ?? ''))
    for (const { name, file } of files) {
      if (name === MARKER_FILE) continue
      if (file === undefined) findings.note(`${path.join(directory, name)} is not a file of fixdepot, and is ignored.`)
      else if (!isArchiveFileNeeded(file, states.get(file.archiveName)) && statOf(directory, name) !== undefined) {
        findings.report('archive', `${name} belongs to no export.`)
      }
    }
  }
}

function* pagesOf(directory: string): Generator<string[]> {
  const handle = fs.opendirSync(directory)
  try {
    let names: string[] = []
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      names.push(entry.name)
      if (names.length < FILES_PER_STATEMENT) continue
      yield names
      names = []
    }
    if (names.length > 0) yield names
  } finally {
    handle.closeSync()
  }
}

async function stateOf(store: InspectionStore, name: string): Promise<ArchiveState | undefined> {
  return (await store.archiveStates([name])).get(name)
}

function statOf(directory: string, name: string): fs.Stats | undefined {
  return fs.lstatSync(path.join(directory, name), { throwIfNoEntry: false })
}
