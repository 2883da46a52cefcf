import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { writeSupportBundle } from '../../../src/admin/support-bundle.ts'
import { readConfig } from '../../../src/config/config.ts'
import { Refusal } from '../../../src/core/problems/refusal.ts'
import { basic } from '../../support/api/app.ts'
import { makeDepot } from '../../support/depot.ts'
import { smallRepository } from '../../support/packages.ts'

const CANARY = 'canary "7f3a" of ours'
const TOKEN = 'fixdepot_t0ken7f3a'
const NOW = new Date('2026-03-01T12:00:00Z')

const LOG = [
  JSON.stringify({ level: 30, msg: 'Server listening', req: { url: `/x?token=${TOKEN}` } }),
  JSON.stringify({ level: 30, headers: { authorization: basic('admin', CANARY), cookie: `JSESSIONID=${TOKEN}` } }),
  JSON.stringify({ level: 30, body: { UserId: 'admin', password: CANARY } }),
  `Authorization: Bearer ${TOKEN}`,
  `curl -u admin:${CANARY}`,
  ''
].join('\n')

async function bundleOf(t: Test, change: (databaseFile: string) => void = () => {}) {
  const depot = await makeDepot(t, smallRepository())
  await depot.scan()
  change(depot.databaseFile)
  const environment = {
    FIXDEPOT_DATA_DIR: depot.root,
    FIXDEPOT_REPOSITORY_DIR: depot.repositoryDirectory,
    FIXDEPOT_ADMIN_PASSWORD: CANARY,
    FIXDEPOT_WORKERS: '2',
    AWS_SECRET_ACCESS_KEY: TOKEN
  }
  const logFile = path.join(depot.root, 'server.log')
  fs.writeFileSync(logFile, LOG)
  const file = path.join(depot.root, 'bundle.tar')
  const write = () => writeSupportBundle({ config: readConfig(environment), environment, file, logFile, now: NOW })
  await write()
  const read = (name: string) => execFileSync('tar', ['-xOf', file, name]).toString()
  return { file, read, write }
}

t.test('a bundle has the facts for support, and no secret', async (t) => {
  const { file, read } = await bundleOf(t)
  const names = execFileSync('tar', ['-tf', file]).toString().trim().split('\n')
  t.same(names, ['settings.json', 'facts.json', 'database.json', 'doctor.txt', 'log.txt'])
  t.equal(fs.statSync(file).mode & 0o777, 0o600)
  const settings = JSON.parse(read('settings.json'))
  t.match(settings.given, { FIXDEPOT_WORKERS: '2', FIXDEPOT_ADMIN_PASSWORD: '[hidden]' })
  t.match(settings.inEffect, { workers: 2, adminPassword: '[hidden]' })
  t.match(JSON.parse(read('facts.json')), {
    node: { node: process.versions.node },
    disks: { data: { freeBytes: Number } }
  })
  t.match(JSON.parse(read('database.json')), { damages: [], rows: { package: 5 }, schema: /0001-initial/ })
  t.match(read('doctor.txt'), /Everything is sound\.\nexit code 0\n$/)
  t.match(read('log.txt'), 'Server listening')
  const all = fs.readFileSync(file, 'utf8')
  for (const secret of [CANARY, JSON.stringify(CANARY).slice(1, -1), TOKEN, basic('admin', CANARY).slice(6)]) {
    t.notOk(all.includes(secret), secret)
  }
})

t.test('with a damaged database, the bundle has the other facts', async (t) => {
  const { read } = await bundleOf(t, (databaseFile) => {
    for (const end of ['-wal', '-shm']) fs.rmSync(databaseFile + end, { force: true })
    fs.writeFileSync(databaseFile, 'no database at all, of more than a hundred bytes'.repeat(20))
  })
  t.match(JSON.parse(read('database.json')), { problem: String })
  t.match(JSON.parse(read('facts.json')), { os: { platform: 'linux' } })
})

t.test('an existing file is not overwritten', async (t) => {
  const { write } = await bundleOf(t)
  await t.rejects(write(), Refusal)
})
