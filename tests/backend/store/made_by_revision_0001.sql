-- A database as revision 0001 made it. Never edit: it stands for those that people have.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE conversations (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	companion TEXT NOT NULL, 
	user TEXT NOT NULL, 
	platform TEXT NOT NULL, 
	title TEXT NOT NULL, 
	created INTEGER NOT NULL
)
 STRICT

;
INSERT INTO "conversations" VALUES(1,'alisa','local','desktop','Weißt du noch?',1767323045000000);
CREATE TABLE messages (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	conversation_id INTEGER NOT NULL, 
	companion TEXT NOT NULL, 
	user TEXT NOT NULL, 
	platform TEXT NOT NULL, 
	source TEXT NOT NULL, 
	turn TEXT NOT NULL, 
	role TEXT NOT NULL, 
	text TEXT NOT NULL, 
	emotion TEXT, 
	interrupted INTEGER NOT NULL, 
	tokens INTEGER, 
	created INTEGER NOT NULL, 
	CONSTRAINT fk_messages_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id), 
	CONSTRAINT ck_messages_role CHECK (role IN ('user', 'assistant')), 
	CONSTRAINT ck_messages_interrupted CHECK (interrupted IN (0, 1))
)
 STRICT

;
INSERT INTO "messages" VALUES(1,1,'alisa','local','desktop','voice','t-1','user','Weißt du noch?',NULL,0,5,1767323045000006);
INSERT INTO "messages" VALUES(2,1,'alisa','local','desktop','voice','t-1','assistant','Natürlich weiß ich','teasing',1,NULL,1767323046000000);
CREATE TABLE state (
	companion TEXT NOT NULL, 
	user TEXT NOT NULL, 
	platform TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_state PRIMARY KEY (companion, user, platform, "key")
)
 STRICT

;
INSERT INTO "state" VALUES('alisa','local','desktop','mode','calm');
CREATE INDEX ix_conversations_companion_user_platform ON conversations (companion, user, platform);
CREATE INDEX ix_messages_conversation_id_id ON messages (conversation_id, id);
CREATE INDEX ix_messages_companion_user_platform_id ON messages (companion, user, platform, id);
CREATE INDEX ix_messages_turn ON messages (turn);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('conversations',1);
INSERT INTO "sqlite_sequence" VALUES('messages',2);
