/**
 * The directory of received files until they are imported: hidden, so that no scan finds it, and in the repository,
 * since a rename cannot cross volumes. Each upload and each import has its own directory in it.
 */
import { randomUUID } from 'node:crypto'
import fs, { promises as fsp } from 'node:fs'
import path from 'node:path'
import type { ReceivedFile, UploadSink } from '../../core/import/import.ts'
import { resolveInside } from './safe-path.ts'
import { syncFile } from './sync.ts'
import { writeDigested } from './writer/write-digested.ts'

const INCOMING = '.fixdepot-incoming'

/** The directory of the files as they were sent. */
const RECEIVED = 'received'

/** The directory of files that wait for the metadata of their package; it belongs to no import. */
export const WAITING = 'waiting'

export type IncomingDirectory = ReturnType<typeof createIncomingDirectory>

/** @param repositoryDirectory exists already */
export function createIncomingDirectory(repositoryDirectory: string) {
  const root = path.join(repositoryDirectory, INCOMING)
  const pathOf = (directory: string) => resolveInside(root, directory)
  const receivedIn = (directory: string) => path.join(pathOf(directory), RECEIVED)

  return {
    pathOf,
    receivedIn,
    waiting: path.join(root, WAITING),

    /** Creates a directory. @returns its name */
    create(): string {
      const name = randomUUID()
      fs.mkdirSync(receivedIn(name), { recursive: true, mode: 0o750 })
      return name
    },

    /** Does nothing when the directory does not exist. */
    remove(directory: string): void {
      fs.rmSync(pathOf(directory), { recursive: true, force: true })
      removeIfEmpty(root)
    },

    /** All directories but that of waiting files. */
    directories(): string[] {
      try {
        return fs.readdirSync(root).filter((name) => name !== WAITING)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      }
    },

    /** The directories that have not changed since this time. */
    directoriesBefore(time: Date): string[] {
      return this.directories().filter((name) => {
        const stat = fs.lstatSync(pathOf(name), { throwIfNoEntry: false })
        return stat !== undefined && stat.mtime < time
      })
    },

    /** Moves received files to another directory, where they replace files of the same name. */
    moveReceived(from: string, to: string, names: readonly string[]): void {
      for (const name of names) {
        fs.renameSync(resolveInside(receivedIn(from), name), resolveInside(receivedIn(to), name))
      }
    },

    sink: (directory: string): UploadSink => sinkIn(receivedIn(directory))
  }
}

function sinkIn(directory: string): UploadSink {
  return {
    async receive(name: string, content: AsyncIterable<Buffer>): Promise<ReceivedFile> {
      const file = resolveInside(directory, name)
      const written = await writeDigested(file, content)
      await syncFile(file)
      return { name, ...written }
    }
  }
}

function removeIfEmpty(directory: string): void {
  try {
    fs.rmdirSync(directory)
  } catch {
    // It is not empty, or does not exist.
  }
}

/** Removes waiting files that have not changed since `before`. */
export async function sweepWaiting(directory: string, before: Date): Promise<void> {
  const names = await fsp.readdir(directory).catch(() => [])
  for (const name of names) {
    const file = path.join(directory, name)
    const stat = fs.lstatSync(file, { throwIfNoEntry: false })
    if (stat !== undefined && stat.mtime < before) fs.rmSync(file, { recursive: true, force: true })
  }
}
