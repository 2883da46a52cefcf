/** Which test files a run has, and on which storage each of them runs. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

export interface TestRun {
  readonly file: string
  /** On PostgreSQL and S3 instead of SQLite and a disk. */
  readonly isRemote: boolean
}

/** In the order of a run: the slow ones first, so that both cores have work until the end. */
const LEVELS = ['test/system/', 'test/api/', 'test/contract/', 'test/unit/']

/** These need PostgreSQL and S3, or what they test is slow. */
const SLOW = 'test/system/'

/** The promises of these folders do not depend on the storage: they run once more on PostgreSQL and S3. */
const ON_BOTH_STORAGES = ['test/api/', 'test/system/chaos/']

/** All test files, sorted by level. */
export function listTestFiles(): string[] {
  return LEVELS.flatMap((level) => {
    const files = fs.globSync(`${level}**/*.test.ts`)
    return files.sort()
  })
}

export function isQuick(file: string): boolean {
  return !file.startsWith(SLOW)
}

/** Each file on SQLite and disk, and some also on PostgreSQL and S3. */
export function onAllStorages(files: readonly string[]): TestRun[] {
  return files.flatMap((file) => {
    const isOnBoth = ON_BOTH_STORAGES.some((folder) => file.startsWith(folder))
    return (isOnBoth ? [false, true] : [false]).map((isRemote) => ({ file, isRemote }))
  })
}

/** What differs from main, committed or not. */
export function changedFiles(): string[] {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const base = git('merge-base', 'HEAD', 'main').trim()
  const listed = git('diff', '--name-only', base) + git('ls-files', '--others', '--exclude-standard')
  return listed.split('\n').filter((file) => file !== '')
}

/**
 * The tests of a changed file: `src/a/b.ts` has `test/unit/a/b.test.ts` and `test/unit/a/b-*.test.ts`, also in
 * `test/contract`, and `src/http/a/b.ts` has them in `test/api/a` too. A file without tests of its own has all tests of
 * these folders.
 */
export function mirrorsOf(changed: string, tests: readonly string[]): string[] {
  if (changed.endsWith('.test.ts')) return tests.filter((test) => test === changed)
  const { dir, name } = path.parse(changed.replace(/^src\//, ''))
  const folders = [`test/unit/${dir}`, `test/contract/${dir}`]
  if (/^http(?:\/|$)/.test(dir)) folders.push(path.join('test/api', dir.slice('http'.length)))
  const nearby = tests.filter((test) => folders.includes(path.dirname(test)))
  const own = nearby.filter((test) => isNamedFor(path.basename(test), name))
  return own.length > 0 ? own : nearby
}

function isNamedFor(test: string, name: string): boolean {
  return test === `${name}.test.ts` || test.startsWith(`${name}-`)
}
