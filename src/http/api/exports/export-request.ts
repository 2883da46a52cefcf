/** The body of a request for an export. */
import { type Static, Type } from 'typebox'
import type { PackageFilter } from '../../../core/catalog/catalog.ts'
import type { Selection } from '../../../core/export/export.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { SAMPLE_MACHINE_TYPE, SAMPLE_PACK_FIXID } from '../../samples.ts'

const MAX_FIXIDS = 50_000

const FilterBody = Type.Object(
  {
    q: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'A part of the fixid, the name or the category; not case-sensitive.'
      })
    ),
    kind: Type.Optional(Type.String({ enum: ['update', 'system-pack'] })),
    machineTypes: Type.Optional(
      Type.Array(
        Type.String({ pattern: '^[A-Za-z0-9]{4}$', description: 'a machine type of four characters, such as 7X05' }),
        {
          minItems: 1,
          maxItems: 1_000,
          description: 'Packages for one of these machine types.'
        }
      )
    ),
    latest: Type.Optional(Type.Boolean({ description: 'True: only the newest package of each product line.' })),
    downloaded: Type.Optional(Type.Boolean({ description: 'Whether the payload is in the repository.' }))
  },
  {
    title: 'PackageFilter',
    additionalProperties: false,
    description: 'All conditions must match. The members of matching system packs are exported with them.'
  }
)

export const ExportBody = Type.Object(
  {
    fixids: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
        minItems: 1,
        maxItems: MAX_FIXIDS,
        description: 'The packages, by fixid. The members of system packs are exported with them.'
      })
    ),
    filter: Type.Optional(FilterBody),
    all: Type.Optional(Type.Boolean({ enum: [true], description: 'The whole repository.' })),
    files: Type.Optional(
      Type.String({
        enum: ['all', 'payloads'],
        description: '`all` files of a package (default), or only its `payloads`.'
      })
    ),
    withRequisites: Type.Optional(
      Type.Boolean({
        description: 'True: also the packages that the selected ones require, directly or indirectly.'
      })
    ),
    dryRun: Type.Optional(
      Type.Boolean({ description: 'True: only show what the export would contain. Nothing is started.' })
    )
  },
  {
    title: 'ExportRequest',
    additionalProperties: false,
    description: 'Exactly one of `fixids`, `filter` and `all` selects the packages.',
    examples: [
      { filter: { machineTypes: [SAMPLE_MACHINE_TYPE], latest: true }, withRequisites: true },
      { fixids: [SAMPLE_PACK_FIXID], dryRun: true },
      { all: true, files: 'payloads' }
    ]
  }
)

/** @throws Problem BODY_INVALID unless there is exactly one way to select */
export function selectionOf(body: Static<typeof ExportBody>): Selection {
  const { fixids, filter, all, files = 'all', withRequisites = false } = body
  const ways = [fixids, filter, all].filter((way) => way !== undefined)
  if (ways.length !== 1) {
    throw new Problem(
      'BODY_INVALID',
      `The body must have exactly one of the attributes fixids, filter and all, and has ${ways.length} of them.`
    )
  }
  return {
    fixids: fixids ?? [],
    ...(filter === undefined ? {} : { filter: filterOf(filter) }),
    withRequisites,
    scope: files as Selection['scope']
  }
}

function filterOf({ q, kind, machineTypes, latest = false, downloaded }: Static<typeof FilterBody>): PackageFilter {
  return {
    ...(q === undefined ? {} : { search: q }),
    ...(kind === undefined ? {} : { kind: kind as 'update' | 'system-pack' }),
    ...(machineTypes === undefined ? {} : { machineTypes: machineTypes.map((type) => type.toUpperCase()) }),
    ...(downloaded === undefined ? {} : { isDownloaded: downloaded }),
    latestOnly: latest
  }
}
