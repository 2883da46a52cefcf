/**
 * Where files from outside are kept until they are packages: hidden, so that no scan sees them, and in the repository,
 * since a rename does not leave a volume. Each upload and each import has a directory of its own there.
 */
import { randomUUID } from 'node:crypto'
import fs, { promises as fsp } from 'node:fs'
import path from 'node:path'
import type { ReceivedFile, UploadSink } from '../../core/import/import.ts'
import { resolveInside } from './safe-path.ts'
import { syncFile, writeDigested } from './writer/write-digested.ts'

const INCOMING = '.fixdepot-incoming'

/** The files as they were sent. */
const RECEIVED = 'received'

/** The files that wait for the metadata of their package; it belongs to no import. */
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

    /** A new directory; gives back its name. */
    create(): string {
      const name = randomUUID()
      fs.mkdirSync(receivedIn(name), { recursive: true, mode: 0o750 })
      return name
    },

    /** Nothing happens when it is not there. */
    remove(directory: string): void {
      fs.rmSync(pathOf(directory), { recursive: true, force: true })
      removeIfEmpty(root)
    },

    /** All that are there but those that wait. */
    directories(): string[] {
      try {
        return fs.readdirSync(root).filter((name) => name !== WAITING)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      }
    },

    /** Of these, the ones that have not changed since. */
    directoriesBefore(time: Date): string[] {
      return this.directories().filter((name) => {
        const stat = fs.lstatSync(pathOf(name), { throwIfNoEntry: false })
        return stat !== undefined && stat.mtime < time
      })
    },

    /** Files of one directory become files of another one, in the place of those that have the same name. */
    hand(from: string, to: string, names: readonly string[]): void {
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
    // There are others, or there is none.
  }
}

/** Removes what has waited for longer than that. */
export async function sweepWaiting(directory: string, before: Date): Promise<void> {
  const names = await fsp.readdir(directory).catch(() => [])
  for (const name of names) {
    const file = path.join(directory, name)
    const stat = fs.lstatSync(file, { throwIfNoEntry: false })
    if (stat !== undefined && stat.mtime < before) fs.rmSync(file, { recursive: true, force: true })
  }
}
