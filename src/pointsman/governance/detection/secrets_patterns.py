"""
The forms of keys that their issuers made recognisable: what each begins with and what follows.

A table and nothing else. Every pattern is matched from the place where its beginning was seen, and is linear: classes with counted repeats, no
nesting. Keys without a form of their own belong to `secrets_candidates`.
"""

import re
from typing import Final

from msgspec import Struct


class Known(Struct, frozen=True, kw_only=True):
    """
    One kind of key. `begins` are the exact texts that call for a look, `pattern` what must stand there; its group `value`, if it has one, is the secret.

    `before` is what must stand directly before, for keys whose mark is in their middle. `varied` asks for a body that looks drawn by lot, for forms
    that a name or a placeholder can take too. `loose` lets a letter stand before it.
    """

    what: str
    begins: tuple[str, ...]
    pattern: re.Pattern[str]
    before: re.Pattern[str] | None = None
    varied: bool = True
    loose: bool = False


def _known(named: str, pattern: str, *, varied: bool = True, loose: bool = False) -> Known:
    """Return a kind of key. `named` is what it is, then what it begins with."""
    what, *begins = named.split()
    return Known(what=what, begins=tuple(begins), pattern=re.compile(pattern), varied=varied, loose=loose)


def _marked(named: str, pattern: str, *, before: str) -> Known:
    """Return a kind of key that is known by a mark in its middle."""
    what, *begins = named.split()
    return Known(what=what, begins=tuple(begins), pattern=re.compile(pattern), before=re.compile(before + r"\Z"), loose=True)


_WORD: Final = r"(?![A-Za-z0-9_])"
_HEX: Final = r"[0-9a-f]"
_ALNUM: Final = r"[A-Za-z0-9]"
_URLSAFE: Final = r"[A-Za-z0-9_\-]"
_BASE64: Final = r"[A-Za-z0-9+/]"
_UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

KNOWN: Final[tuple[Known, ...]] = (
    _known("pointsman_key pm_", rf"pm_{_URLSAFE}{{24,120}}{_WORD}"),
    # Clouds.
    _known("aws_access_key AKIA ASIA ABIA ACCA", r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9+/])"),
    # A signed link is one secret from its credential to its signature: whoever holds both may use it.
    _known(
        "aws_signed_link X-Amz-Credential=",
        r"X-Amz-Credential=(?P<value>[^\s\"'<>&]{16,200}(?:(?:&(?!X-Amz-Signature)[A-Za-z\-]{1,30}=[^\s\"'<>&]{0,400}){0,8}&X-Amz-Signature=[0-9a-f]{16,128})?)",
        loose=True,
    ),
    _known("aws_bedrock_key ABSK", r"ABSK[A-Za-z0-9+/]{109,269}={0,2}", varied=False),
    _known("aws_bedrock_key bedrock-api-key-", r"bedrock-api-key-[A-Za-z0-9+/=]{60,2000}"),
    _known("aws_mws_key amzn.mws.", rf"amzn\.mws\.{_UUID}"),
    _known("aws_session_token IQoJb3JpZ2lu", r"IQoJb3JpZ2lu[A-Za-z0-9+/=]{80,2000}"),
    _known("google_api_key AIza", rf"AIza{_URLSAFE}{{35}}(?![A-Za-z0-9_])"),
    _known("google_oauth_token ya29.", rf"ya29\.{_URLSAFE}{{20,400}}"),
    _known("google_oauth_secret GOCSPX-", rf"GOCSPX-{_URLSAFE}{{20,40}}"),
    _known("google_refresh_token 1//0", rf"1//0{_URLSAFE}{{40,160}}"),
    _marked("azure_client_secret Q~", r"Q~[A-Za-z0-9_~.\-]{31,34}(?![A-Za-z0-9_~\-])", before=r"[A-Za-z0-9_~.\-]{3}\d"),
    _known("azure_storage_key AccountKey= SharedAccessKey=", r"(?:AccountKey|SharedAccessKey)=(?P<value>[A-Za-z0-9+/]{40,88}={0,2})", loose=True),
    _known("azure_signature sig=", r"sig=(?P<value>[A-Za-z0-9%+/]{43,70}(?:%3[dD]|=))", loose=True),
    _known("azure_devops_token AZDO", rf"AZDO[A-Za-z0-9]{{4,80}}{_WORD}"),
    _known("alibaba_key LTAI", rf"LTAI{_ALNUM}{{16,26}}{_WORD}"),
    _known("tencent_key AKID", rf"AKID{_ALNUM}{{32}}{_WORD}"),
    _known("ibm_key ApiKey-", rf"ApiKey-{_UUID}"),
    _known("digitalocean_token dop_v1_ doo_v1_ dor_v1_", rf"do[opr]_v1_{_HEX}{{64}}"),
    _known("heroku_key HRKU-", rf"HRKU-(?:AA{_URLSAFE}{{58}}|{_UUID})", varied=False),
    _known("flyio_token fo1_ fm1a_ fm1r_ fm2_", r"f(?:o1_[A-Za-z0-9_\-]{43}|m[12][ar]?_[A-Za-z0-9+/]{90,600}={0,3})"),
    _known("cloudflare_ca_key v1.0-", rf"v1\.0-{_HEX}{{24}}-{_HEX}{{146}}"),
    _known("cloudflare_token cfut_ cfat_ cfk_", rf"cf(?:ut|at|k)_{_URLSAFE}{{36,60}}"),
    _known("scaleway_key SCW", rf"SCW[A-Z0-9]{{17}}{_WORD}"),
    _known("hetzner_scalingo_token tk-us-", rf"tk-us-{_URLSAFE}{{48}}"),
    _known("vercel_token vcp_ vck_ vca_ vci_ vcr_", rf"vc[pkair]_{_ALNUM}{{24,80}}{_WORD}"),
    _known("netlify_token nfp_ nfc_ nfo_ nfu_", rf"nf[pcou]_{_ALNUM}{{36,60}}{_WORD}"),
    _known("render_key rnd_", rf"rnd_{_ALNUM}{{24,50}}{_WORD}"),
    _known("yandex_key AQVN", rf"AQVN{_URLSAFE}{{35,38}}{_WORD}"),
    _known("yandex_token t1.9eu y0_Ag", r"(?:t1\.9eu|y0_Ag)[A-Za-z0-9_.\-=]{40,300}"),
    # Code and packages.
    _known("github_token ghp_ gho_ ghu_ ghs_ ghr_", rf"gh[pousr]_{_ALNUM}{{36,255}}{_WORD}"),
    _known("github_token github_pat_", rf"github_pat_{_ALNUM}{{22}}_{_ALNUM}{{59}}{_WORD}"),
    _known(
        "gitlab_token glpat- glptt- glrt- glagent- glcbt- gldt- glft- glimt- glsoat- gloas- glffct-",
        rf"gl[a-z]{{2,6}}-(?:t\d_)?{_URLSAFE}{{20,64}}(?:\.[a-z0-9.]{{9,20}})?",
    ),
    _known("gitlab_token GR1348941", rf"GR1348941{_URLSAFE}{{20}}{_WORD}"),
    _known("bitbucket_token ATBB ATCTT", rf"AT(?:BB|CTT){_URLSAFE}{{24,250}}={{0,2}}"),
    _known("atlassian_token ATATT3", r"ATATT3[A-Za-z0-9_\-=]{60,250}"),
    _known("npm_token npm_", rf"npm_{_ALNUM}{{36}}{_WORD}"),
    _known("pypi_token pypi-AgE", rf"pypi-AgE{_URLSAFE}{{50,400}}"),
    _known("rubygems_key rubygems_", rf"rubygems_{_HEX}{{48}}"),
    _known("nuget_key oy2", rf"oy2[a-z0-9]{{43}}{_WORD}"),
    _known("cratesio_token cio", rf"cio{_ALNUM}{{32}}{_WORD}"),
    _known("clojars_token CLOJARS_", r"CLOJARS_[a-z0-9]{60}"),
    _known("docker_token dckr_pat_ dckr_oat_", rf"dckr_[po]at_{_URLSAFE}{{27,40}}"),
    _known("jfrog_key AKCp", rf"AKCp{_ALNUM}{{69}}{_WORD}"),
    _known("jfrog_token cmVmd", rf"cmVmd{_ALNUM}{{59}}{_WORD}"),
    _known("sonar_token squ_ sqp_ sqa_", rf"sq[upa]_[A-Za-z0-9]{{40}}{_WORD}"),
    _known("sourcegraph_token sgp_ slk_", rf"(?:sgp|slk)_(?:local_|[0-9a-fA-F]{{16}}_)?[0-9a-fA-F]{{40,64}}{_WORD}"),
    _known("buildkite_token bkua_ bkaj_", rf"bk(?:ua|aj)_{_HEX}{{40}}"),
    _known("circleci_token CCIPAT_ CCIPRJ_", rf"CCIP(?:AT|RJ)_{_ALNUM}{{20,30}}_{_HEX}{{40}}"),
    _known("infracost_key ico-", rf"ico-{_ALNUM}{{32}}{_WORD}"),
    _known("octopus_key API-", rf"API-[A-Z0-9]{{26}}{_WORD}"),
    _known("pulumi_token pul-", rf"pul-{_HEX}{{40}}{_WORD}"),
    _marked("terraform_token .atlasv1.", rf"\.atlasv1\.{_URLSAFE}{{60,70}}", before=rf"{_ALNUM}{{14}}"),
    _known("vault_token hvs. hvb. hvr.", rf"hv[sbr]\.{_URLSAFE}{{24,300}}"),
    _known("vault_token s.", rf"s\.(?=[A-Za-z0-9]{{0,23}}\d)(?=[A-Za-z0-9]{{0,23}}[A-Z])(?=[A-Za-z0-9]{{0,23}}[a-z]){_ALNUM}{{24}}{_WORD}"),
    _known("doppler_token dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", rf"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_\-]{{2,35}}\.)?{_ALNUM}{{40,44}}"),
    _known("onepassword_token ops_eyJ", r"ops_eyJ[A-Za-z0-9+/_\-]{240,2000}={0,3}"),
    _known("onepassword_key A3-", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}"),
    _known("age_key AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    _known("nats_seed SA SU SO SN SC SX", rf"S[AUONCX][A-Z0-9]{{56}}{_WORD}"),
    _known("postman_key PMAK-", rf"PMAK-{_HEX}{{24}}-{_HEX}{{34}}"),
    _known("readme_key rdme_", r"rdme_[a-z0-9]{70}"),
    _known("prefect_key pnu_", rf"pnu_{_ALNUM}{{36}}{_WORD}"),
    _known("databricks_token dapi", rf"dapi{_HEX}{{32}}(?:-\d)?{_WORD}"),
    _known("openshift_token sha256~", rf"sha256~{_URLSAFE}{{43}}{_WORD}"),
    _known("snyk_token snyk_", rf"snyk_(?:uat|sat|pat)\.{_HEX}{{8}}\.{_URLSAFE}{{40,400}}"),
    # Models.
    _known("anthropic_key sk-ant-", rf"sk-ant-[a-z]{{3,6}}\d{{2}}-{_URLSAFE}{{80,120}}"),
    _known("openai_key sk-proj- sk-svcacct- sk-admin- sk-None-", rf"sk-(?:proj|svcacct|admin|None)-{_URLSAFE}{{20,200}}"),
    _known("openai_key sk-", rf"sk-{_ALNUM}{{32,64}}{_WORD}"),
    _known("openrouter_key sk-or-v1-", rf"sk-or-v1-{_HEX}{{64}}"),
    _known("langchain_key lsv2_pt_ lsv2_sk_", rf"lsv2_(?:pt|sk)_{_HEX}{{32}}_{_HEX}{{10}}"),
    _known("huggingface_token hf_", rf"hf_[A-Za-z]{{34}}{_WORD}"),
    _known("huggingface_token api_org_", rf"api_org_[A-Za-z]{{34}}{_WORD}"),
    _known("groq_key gsk_", rf"gsk_{_ALNUM}{{40,60}}{_WORD}"),
    _known("perplexity_key pplx-", rf"pplx-{_ALNUM}{{40,60}}{_WORD}"),
    _known("replicate_token r8_", rf"r8_{_ALNUM}{{37}}{_WORD}"),
    _known("xai_key xai-", rf"xai-{_ALNUM}{{60,90}}{_WORD}"),
    _known("fireworks_key fw_", rf"fw_{_ALNUM}{{22,28}}{_WORD}"),
    _known("nvidia_key nvapi-", rf"nvapi-{_URLSAFE}{{50,80}}"),
    _known("cerebras_key csk-", rf"csk-[a-z0-9]{{40,60}}{_WORD}"),
    _known("pinecone_key pcsk_", rf"pcsk_{_ALNUM}{{5,8}}_{_ALNUM}{{50,70}}"),
    _known("tavily_key tvly-", rf"tvly-(?:dev-|prod-)?{_ALNUM}{{24,40}}{_WORD}"),
    _known("elevenlabs_key sk_", rf"sk_{_HEX}{{48}}{_WORD}"),
    # Money.
    _known("stripe_key sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_", rf"[sr]k_(?:live|test|prod)_{_ALNUM}{{10,120}}{_WORD}"),
    _known("stripe_webhook whsec_", r"whsec_[A-Za-z0-9+/]{32,64}=?"),
    _known("square_token sq0atp- sq0csp-", rf"sq0(?:atp|csp)-{_URLSAFE}{{22,60}}", varied=False),
    _known("square_token EAAA", rf"EAAA{_URLSAFE}{{60}}{_WORD}"),
    _known("paypal_token access_token$", rf"access_token\$(?:production|sandbox)\$[0-9a-z]{{16}}\${_HEX}{{32}}"),
    _known("plaid_token access-sandbox- access-production- access-development-", rf"access-(?:sandbox|production|development)-{_UUID}"),
    _known("flutterwave_key FLWSECK", rf"FLWSECK(?:_TEST|_LIVE)?-{_ALNUM}{{12,40}}"),
    _known("easypost_key EZAK EZTK", rf"EZ[AT]K{_ALNUM}{{54}}{_WORD}"),
    _known("shippo_token shippo_live_ shippo_test_", rf"shippo_(?:live|test)_{_HEX}{{40}}"),
    _known("duffel_token duffel_live_ duffel_test_", rf"duffel_(?:live|test)_{_URLSAFE}{{43}}"),
    _known("adyen_key AQE", r"AQE[A-Za-z0-9+/]{90,220}={0,2}-[A-Za-z0-9+/=]{30,60}-"),
    _known("shopify_token shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    # Messages, mail, monitoring, work.
    _known("slack_token xoxb- xoxp- xoxa- xoxr- xoxs- xoxo- xoxe-", r"xox[bpaorse]-(?:\d-)?(?:\d{8,13}-[A-Za-z0-9\-]{8,250}|[A-Za-z0-9]{60,250})"),
    _known("slack_token xoxe.xoxp- xoxe.xoxb-", rf"xoxe\.xox[bp]-\d-{_ALNUM}{{60,300}}"),
    _known("slack_token xapp-", rf"xapp-\d-[A-Z0-9]{{6,20}}-\d{{6,20}}-{_HEX}{{40,70}}"),
    _known("slack_webhook hooks.slack.com/", r"hooks\.slack\.com/(?P<value>(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,90})"),
    _known("discord_webhook /api/webhooks/", rf"/api/webhooks/(?P<value>\d{{17,20}}/{_URLSAFE}{{60,72}})", loose=True),
    _known("discord_token MT MD Mj Mz ND NT Nj Nz OD OT", rf"[MNO][A-Za-z0-9]{{22,27}}\.{_URLSAFE}{{6}}\.{_URLSAFE}{{27,40}}"),
    _known("teams_webhook /IncomingWebhook/", rf"/IncomingWebhook/(?P<value>{_HEX}{{32}}/{_UUID})", loose=True),
    _marked("telegram_token :AA", rf":AA{_URLSAFE}{{32,33}}{_WORD}", before=r"\d{8,10}"),
    _known("twilio_key SK AC", rf"(?:SK|AC){_HEX}{{32}}{_WORD}"),
    _known("sendgrid_key SG.", rf"SG\.{_URLSAFE}{{20,24}}\.{_URLSAFE}{{39,50}}"),
    _known("mailgun_key key- pubkey-", rf"(?:pub)?key-{_HEX}{{32}}{_WORD}"),
    _marked("mailchimp_key -us1 -us2 -us3 -us4 -us5 -us6 -us7 -us8 -us9", rf"-us\d{{1,2}}{_WORD}", before=rf"{_HEX}{{32}}"),
    _known("brevo_key xkeysib- xsmtpsib-", rf"x(?:key|smtp)sib-{_HEX}{{64}}-{_ALNUM}{{16}}"),
    _known("facebook_token EAA", rf"EAA[MC]{_ALNUM}{{80,400}}{_WORD}"),
    _marked("facebook_token |", rf"\|{_URLSAFE}{{27,40}}{_WORD}", before=r"\d{15,16}"),
    _known("twitter_bearer AAAAAAAAAAAAAAAAAAAA", r"A{22}[A-Za-z0-9%]{80,120}"),
    _known("linear_key lin_api_ lin_oauth_", rf"lin_(?:api|oauth)_{_ALNUM}{{32,64}}"),
    _known("notion_token ntn_", rf"ntn_\d{{11}}{_ALNUM}{{35}}{_WORD}"),
    _known("notion_token secret_", rf"secret_{_ALNUM}{{43}}{_WORD}"),
    _known("figma_token figd_ figo_", rf"fig[do]_{_URLSAFE}{{40,48}}"),
    _known("airtable_token pat", rf"pat{_ALNUM}{{14}}\.{_HEX}{{64}}"),
    _known("asana_clickup_token pk_", r"pk_\d{6,10}_[A-Z0-9]{32}"),
    _known("typeform_token tfp_", r"tfp_[A-Za-z0-9_.\-]{59}"),
    _known("hubspot_token pat-na1- pat-eu1- pat-na2-", rf"pat-(?:na|eu)\d-{_UUID}"),
    _known("contentful_token CFPAT-", rf"CFPAT-{_URLSAFE}{{43}}"),
    _known("intercom_token dG9rO", r"dG9rO[A-Za-z0-9+/]{50,80}={0,2}"),
    _known("okta_token 00", rf"00(?=[A-Za-z0-9_\-]{{0,38}}[A-Z])(?=[A-Za-z0-9_\-]{{0,38}}[a-z])(?=[A-Za-z0-9_\-]{{0,38}}[g-zG-Z_\-]){_URLSAFE}{{40}}{_WORD}"),
    _known("planetscale_token pscale_", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.\-=]{32,64}"),
    _known("supabase_key sbp_ sb_secret_", rf"(?:sbp_{_HEX}{{40}}|sb_secret_{_URLSAFE}{{20,50}})"),
    _known(
        "grafana_token glsa_ glc_ eyJrIjoi",
        rf"(?:glsa_{_ALNUM}{{32}}_[0-9a-fA-F]{{8}}|glc_[A-Za-z0-9+/]{{32,400}}={{0,3}}|eyJrIjoi{_ALNUM}{{60,400}}={{0,3}})",
    ),
    _known("newrelic_key NRAK- NRII- NRJS- NRRA-", r"NR(?:AK|II|JS|RA)-[A-Za-z0-9\-]{19,42}"),
    _known("dynatrace_token dt0c01. dt0s01. dt0s16.", r"dt0[cs]\d\d\.[A-Z0-9]{8,24}\.[A-Z0-9]{60,70}"),
    _known("sentry_token sntrys_ sntryu_", rf"sntry(?:s_eyJ[A-Za-z0-9+/=_]{{60,400}}|u_{_HEX}{{64}})"),
    _known("posthog_key phx_ phc_", rf"ph[xc]_{_ALNUM}{{40,50}}{_WORD}"),
    _known("launchdarkly_key sdk- mob- api-", rf"(?:sdk|mob|api)-{_UUID}"),
    _known("clickhouse_key 4b1d", rf"4b1d{_ALNUM}{{38}}{_WORD}"),
    _known("intra42_secret s-s4t2", rf"s-s4t2(?:ud|af)-{_HEX}{{64}}"),
    _known("tailscale_key tskey-", rf"tskey-(?:auth|api|client|scim|webhook)-{_ALNUM}{{10,24}}(?:-{_ALNUM}{{20,40}})?"),
    _known("ngrok_key ak_ ngrok_", rf"(?:ngrok|ak)_{_ALNUM}{{40,60}}{_WORD}"),
    _known("mapbox_token sk.eyJ pk.eyJ", rf"[sp]k\.eyJ{_URLSAFE}{{40,200}}\.{_URLSAFE}{{20,30}}"),
    _known("frameio_token fio-u-", rf"fio-u-{_URLSAFE}{{64}}"),
    _known("defined_token dnkey-", r"dnkey-[a-z0-9=_\-]{26}-[a-z0-9=_\-]{52}"),
    _known("ubidots_token BBFF-", rf"BBFF-{_ALNUM}{{30}}{_WORD}"),
    _known("alchemy_grok_token alcht_", rf"alcht_{_ALNUM}{{30}}{_WORD}"),
    _known("bitcoin_key xprv", rf"xprv{_ALNUM}{{100,112}}{_WORD}"),
    # Forms that many issuers share.
    _known("jwt eyJ", rf"eyJ{_URLSAFE}{{10,4000}}(?:\.{_URLSAFE}{{0,8000}}){{1,4}}", varied=False),
    _known("private_key LS0tLS1CRUdJTi", r"LS0tLS1CRUdJTi[A-Za-z0-9+/\s]{60,8000}={0,2}"),
    _known(
        "private_key -----BEGIN", r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?P<value>[^-]{40,16000})(?:-----END|-|$)", varied=False, loose=True
    ),
    _known("sidekiq_key CONTRIBSYS__COM", r"CONTRIBSYS__COM\"?\s{0,3}[:=]\s{0,3}\"?(?P<value>[0-9a-f]{8}:[0-9a-f]{8})", varied=False, loose=True),
    _known("putty_key PuTTY-User-Key-File-", r"PuTTY-User-Key-File-\d: [^\n]{5,60}\n[^\x00]{40,8000}?Private-MAC: [0-9a-f]{40,64}", varied=False),
)
