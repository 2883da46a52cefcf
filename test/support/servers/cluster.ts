/** Several servers on one PostgreSQL, one repository and one directory of archives. */
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { packageFiles } from '../packages.ts'
import { createEmptyDatabase } from './postgres.ts'
import { makeDirectories, type ServerOptions, type TestServer } from './server.ts'

export type Settings = ServerOptions['settings']

/** Makes one repository, one directory of archives and one database for servers with separate data directories. */
export async function makeCluster(t: Test, hugeBytes = 1_000_000) {
  const directories = makeDirectories(t, {
    ...packageFiles({ fixid: 'small', payload: 'small' }),
    ...packageFiles({ fixid: 'huge', payload: '' }),
    ...packageFiles({ fixid: 'medium', payload: 'medium '.repeat(28_000) })
  })
  const root = path.dirname(directories.dataDirectory)
  fs.truncateSync(path.join(directories.repositoryDirectory, 'huge.uxz'), hugeBytes)
  const archives = path.join(root, 'archives')
  fs.mkdirSync(archives)
  const databaseUrl = await createEmptyDatabase(t)
  const optionsOf = (name: string, settings: Settings = {}): ServerOptions => ({
    ...directories,
    dataDirectory: path.join(root, name),
    databaseUrl,
    settings: { FIXDEPOT_ARCHIVES_URL: pathToFileURL(archives).href, ...settings }
  })
  return { root, directories, archives, databaseUrl, optionsOf }
}

export const archivePath = (name: string) => `/updateRepositories/firmware?key=export&exportRepoFilename=${name}`

export async function download(server: TestServer, name: string): Promise<Buffer> {
  const response = await server.call(archivePath(name))
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  return Buffer.from(await response.arrayBuffer())
}

/** Whether this server has started the task, according to its log. */
export const hasStarted = (taskId: number) => (worker: { stdout: () => string }) =>
  worker
    .stdout()
    .split('\n')
    .some((line) => line.includes('task started') && line.includes(`"taskId":${taskId},`))
