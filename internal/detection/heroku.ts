import { detectorKind, found, noFields } from './detector.ts';

/** Dyno metadata, https://devcenter.heroku.com/articles/dyno-metadata */
export const heroku = detectorKind({
  name: 'heroku',
  attributes: {
    'cloud.provider': true,
    'heroku.app.id': true,
    'heroku.dyno.id': true,
    'heroku.release.commit': true,
    'heroku.release.creation_timestamp': true,
    'service.instance.id': true,
    'service.name': true,
    'service.version': true,
  },
  fields: noFields,
  async detect({ surroundings: { env } }) {
    return found({
      'cloud.provider': env.HEROKU_APP_ID === undefined ? undefined : 'heroku',
      'heroku.app.id': env.HEROKU_APP_ID,
      'heroku.release.commit': env.HEROKU_SLUG_COMMIT,
      'heroku.release.creation_timestamp': env.HEROKU_RELEASE_CREATED_AT,
      'service.instance.id': env.HEROKU_DYNO_ID,
      'service.name': env.HEROKU_APP_NAME,
      'service.version': env.HEROKU_RELEASE_VERSION,
    });
  },
});
