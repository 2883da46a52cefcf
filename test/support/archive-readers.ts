/** Programs and libraries that read the archives: they share no code with the writer. */
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { openPromise } from 'yauzl'

/** The result of a program that checked an archive. */
export interface Verdict {
  readonly exitCode: number
  /** Everything that the program printed. */
  readonly output: string
  /** The names in the archive, as the program prints them; empty when it found the archive bad. */
  readonly names: readonly string[]
}

/** A command-line reader of archives. */
export interface ArchiveReader {
  /** The command that has to be on the PATH. */
  readonly command: string
  /** Reads and verifies all contents, or only lists them where the program has no way to verify. */
  check(archive: string): Promise<Verdict>
  /** The names, by the central directory alone. */
  list(archive: string): Promise<readonly string[]>
  /** The content of one entry with a plain name. */
  extract(archive: string, name: string): Promise<Buffer>
}

const UNZIP: ArchiveReader = {
  command: 'unzip',
  check: (archive) => checkThenList(UNZIP, archive, ['-t', archive]),
  list: async (archive) => linesOf(await output('unzip', ['-Z1', archive])),
  extract: (archive, name) => output('unzip', ['-p', archive, name])
}

const SEVEN_ZIP: ArchiveReader = {
  command: '7z',
  check: (archive) => checkThenList(SEVEN_ZIP, archive, ['t', archive]),
  list: async (archive) =>
    linesOf(await output('7z', ['l', '-slt', '-ba', archive])).flatMap((line) => /^Path = (.*)/.exec(line)?.[1] ?? []),
  extract: (archive, name) => output('7z', ['x', '-so', archive, name])
}

const BSDTAR: ArchiveReader = {
  command: 'bsdtar',
  check: (archive) => checkByListing('bsdtar', ['-tf', archive]),
  list: async (archive) => linesOf(await output('bsdtar', ['-tf', archive])),
  extract: (archive, name) => output('bsdtar', ['-xOf', archive, name])
}

const PYTHON_CHECK = `import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
bad = archive.testzip()
if bad is not None: sys.exit(f"{bad} is bad")
for name in archive.namelist(): print(name)`
const PYTHON_LIST = 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))'
const PYTHON_EXTRACT = 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))'

const PYTHON: ArchiveReader = {
  command: 'python3',
  check: (archive) => checkByListing('python3', ['-c', PYTHON_CHECK, archive]),
  list: async (archive) => linesOf(await output('python3', ['-c', PYTHON_LIST, archive])),
  extract: (archive, name) => output('python3', ['-c', PYTHON_EXTRACT, archive, name])
}

const JAR: ArchiveReader = {
  command: 'jar',
  check: (archive) => checkByListing('jar', ['tf', archive]),
  list: async (archive) => linesOf(await output('jar', ['tf', archive])),
  async extract(archive, name) {
    const directory = await mkdtemp(join(tmpdir(), 'jar-'))
    try {
      await output('jar', ['xf', archive, name], directory)
      return await readFile(join(directory, name))
    } finally {
      await rm(directory, { recursive: true })
    }
  }
}

async function checkThenList(reader: ArchiveReader, archive: string, args: readonly string[]): Promise<Verdict> {
  const verdict = await run(reader.command, args)
  return {
    exitCode: verdict.exitCode,
    output: verdict.output,
    names: verdict.exitCode === 0 ? await reader.list(archive) : []
  }
}

/** For programs whose standard output is the list of names. */
async function checkByListing(command: string, args: readonly string[]): Promise<Verdict> {
  const { exitCode, output, lines } = await run(command, args)
  return { exitCode, output, names: exitCode === 0 ? lines : [] }
}

/** All command-line readers, installed or not. */
export const archiveReaders: readonly ArchiveReader[] = [UNZIP, SEVEN_ZIP, BSDTAR, PYTHON, JAR]

/** False, or the reason why a test with this reader is skipped. */
export function skipReader({ command }: ArchiveReader): false | string {
  return isOnPath(command) ? false : `${command} is not on the PATH`
}

/** An entry as yauzl reads it, which is always installed. */
export interface ReadEntry {
  readonly name: string
  readonly size: number
  readonly crc32: number
  readonly offset: number
  readonly modifiedAt: Date
  readonly content: Buffer
}

/** Everything in an archive. */
export async function readArchive(archive: string): Promise<ReadEntry[]> {
  const zip = await openPromise(archive, { autoClose: false, lazyEntries: true, strictFileNames: true })
  const entries: ReadEntry[] = []
  try {
    for await (const entry of zip.eachEntry()) {
      entries.push({
        name: entry.fileName,
        size: entry.uncompressedSize,
        crc32: entry.crc32,
        offset: entry.relativeOffsetOfLocalHeader,
        modifiedAt: entry.getLastModDate(),
        content: await buffer(await zip.openReadStreamPromise(entry))
      })
    }
    return entries
  } finally {
    zip.close()
  }
}

function isOnPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Names are UTF-8 in every locale of the machine. */
const environment = { ...process.env, LC_ALL: 'C.UTF-8', PYTHONUTF8: '1' }
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

interface Run {
  readonly exitCode: number
  readonly output: string
  readonly lines: readonly string[]
}

function run(command: string, args: readonly string[]): Promise<Run> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env: environment, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve({ exitCode: Number(error?.code ?? 0), output: stdout + stderr, lines: linesOf(stdout) })
    }).stdin?.end()
  })
}

/** The standard output of a command; rejects when the command fails. */
function output(command: string, args: readonly string[], cwd?: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { env: environment, maxBuffer: MAX_OUTPUT_BYTES, encoding: 'buffer' as const, cwd }
    execFile(command, args, options, (error, stdout) => {
      if (error === null) resolve(stdout)
      else reject(error)
    }).stdin?.end()
  })
}

function linesOf(text: Buffer | string): string[] {
  return text
    .toString()
    .split(/\r?\n/)
    .filter((line) => line !== '')
}
