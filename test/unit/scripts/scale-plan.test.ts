import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { LOADS, type Load, MEASURED, parseBytes, planScale, showPlans } from '../../../scripts/scale-plan.ts'

const SITE: Load = {
  name: 'a site',
  depots: 1,
  packages: 1_000,
  repositoryBytes: 100e9,
  exportsPerHour: 10,
  exportBytes: 1e9,
  downloadsPerExport: 1,
  pollsPerSecond: 10,
  keptDays: 7
}

t.test('one server is enough for a site', async (t) => {
  const plan = planScale(SITE)
  t.equal(plan.servers, 1)
  t.equal(plan.keptBytes, 10 * 24 * 7 * 1e9)
})

t.test('ten times the exports need ten times the servers, also when they are divided into depots', async (t) => {
  const large = { ...SITE, exportsPerHour: 2_000, exportBytes: 10e9, pollsPerSecond: 0 }
  const { servers } = planScale(large)
  t.ok(servers > 1)
  const larger = planScale({ ...large, exportsPerHour: 20_000 }).servers
  t.ok(larger > 9 * servers && larger <= 10 * servers, `${larger} instead of ${servers}`)
  t.equal(planScale({ ...large, depots: 3 }).allServers, 3 * servers)
})

t.test('the use of a part stays below the limit where servers can be added', async (t) => {
  for (const load of LOADS)
    for (const part of planScale(load).parts) t.ok(part.use <= 0.7 || !part.canBeAdded, `${load.name}: ${part.name}`)
})

t.test('more exports than one database accepts are refused, and the message names the database', async (t) => {
  const load = { ...SITE, exportsPerHour: 3_600 * 2 * MEASURED.exportsPerSecond }
  t.throws(() => planScale(load), /^RangeError: a site: database: .* would be used to 200 %$|would be used to 2/)
})

t.test('sizes are parsed with their units', async (t) => {
  t.equal(parseBytes('20GB'), 20e9)
  t.equal(parseBytes('1.5 TB'), 1.5e12)
  t.equal(parseBytes('7'), 7)
  for (const text of ['', 'GB', '5 XB', '-1GB', '1e9']) t.throws(() => parseBytes(text), RangeError)
})

t.test('docs/scale.md has the calculated table', async (t) => {
  const text = fs.readFileSync(path.join(import.meta.dirname, '../../../docs/scale.md'), 'utf8')
  t.ok(text.includes(showPlans(LOADS)), 'run node scripts/scale-plan.ts, and put its table there')
})
