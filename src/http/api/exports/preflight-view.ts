/** The answer to a dry run of an export. */
import { type Static, Type } from 'typebox'
import type { Preflight, Sample } from '../../../core/export/export.ts'

const SampleView = Type.Object({
  count: Type.Integer(),
  fixids: Type.Array(Type.String(), { description: 'The first few fixids.' })
})

export const PreflightView = Type.Object(
  {
    packages: Type.Integer(),
    entries: Type.Integer({ description: 'Files in the archive.' }),
    bytes: Type.Integer({ description: 'Size of the archive.' }),
    missingPayloads: Type.Object(SampleView.properties, {
      description: 'Selected packages whose payload is not in the repository.'
    }),
    missingMembers: Type.Object(SampleView.properties, {
      description: 'Packages that selected system packs list and the repository does not have.'
    }),
    missingRequisites: Type.Object(SampleView.properties, {
      description: 'Packages that selected ones require and the repository does not have; only with `withRequisites`.'
    }),
    freeBytes: Type.Integer({ description: 'Free bytes where archives are stored.' }),
    reservedBytes: Type.Integer({
      description: 'Part of the free bytes that is not available: for exports in progress, and as a reserve.'
    }),
    isShared: Type.Boolean({ description: 'The same archive is kept or being packed: the export needs no space.' }),
    fits: Type.Boolean({ description: 'Whether the export would be accepted now.' })
  },
  { title: 'Preflight' }
)

export function preflightView(preflight: Preflight): Static<typeof PreflightView> {
  const { packageCount, entryCount, archiveSize, freeBytes, reservedBytes, isShared } = preflight
  return {
    packages: packageCount,
    entries: entryCount,
    bytes: archiveSize,
    missingPayloads: sampleView(preflight.withoutPayload),
    missingMembers: sampleView(preflight.missingMembers),
    missingRequisites: sampleView(preflight.missingRequisites),
    freeBytes,
    reservedBytes,
    isShared,
    fits: isShared || archiveSize <= freeBytes - reservedBytes
  }
}

function sampleView({ count, first }: Sample): Static<typeof SampleView> {
  return { count, fixids: [...first] }
}
