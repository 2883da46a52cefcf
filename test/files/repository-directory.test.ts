import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { KnownReading } from '../../src/core/repository-storage.ts'
import { createRepositoryDirectory } from '../../src/files/repository-directory.ts'
import { createRepositoryFiles } from '../../src/files/repository-files.ts'
import { contentsOf, writeFiles } from '../helpers/depot.ts'
import { runRepositorySuite } from '../helpers/repository-storage-suite.ts'

t.test('a directory keeps what every storage of a repository has to', async (t) => {
  runRepositorySuite(t, async (t) => {
    const root = t.testdir({ repository: {}, staging: {} })
    const directory = path.join(root, 'repository')
    return {
      storage: createRepositoryDirectory(directory),
      files: createRepositoryFiles(directory),
      known: new Map<string, KnownReading>(),
      staging: path.join(root, 'staging'),
      put: async (files) => writeFiles(directory, files),
      take: async (name) => fs.rmSync(path.join(directory, name)),
      contents: async () => contentsOf(directory)
    }
  })
})

t.test('a directory that is not there says so with the system’s error', async (t) => {
  const storage = createRepositoryDirectory(path.join(t.testdir(), 'absent'))
  t.throws(() => storage.place(), { code: 'ENOENT' })
  await t.rejects(storage.check(), { code: 'ENOENT' })
  await t.rejects(storage.size(), { code: 'ENOENT' })
})
