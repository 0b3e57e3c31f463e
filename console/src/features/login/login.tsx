import { Alert, Button, Card, Form, Input, Modal, theme, Typography } from "antd";
import { useEffect, useState } from "react";
import { useLogin } from "../../api/session";
import { useAppearance } from "../../appearance";
import { ProblemAlert } from "../../components/problem";
import { useWords, words } from "../../words/language";

const own = words(
  {
    title: "Log in",
    user: "User",
    password: "Password",
    help: "The first start of the server made the account admin and printed its password once. Of an installed package it printed none: sudo sluice administrator update admin --password-file - sets one.",
    needed: "Needed",
    again: "The login has ended: the server has started anew, or its time was over. Log in again, and the page goes on where it was.",
    other: "简体中文",
  },
  {
    title: "登录",
    user: "用户名",
    password: "密码",
    help: "服务器首次启动时创建了账号 admin，并打印过一次密码。通过软件包安装时不会打印：请用 sudo sluice administrator update admin --password-file - 设置。",
    needed: "必填",
    again: "登录已结束：服务器已重新启动，或登录已到期。重新登录后，页面会从原处继续。",
    other: "English",
  },
);

interface Given {
  user: string;
  password: string;
}

function Fields({ user }: { user?: string }) {
  const word = useWords(own);
  const { logIn } = useLogin();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (given: Given) => {
    setBusy(true);
    setError(undefined);
    try {
      await logIn(given.user, given.password);
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  const needed = [{ required: true, message: word.needed }];
  return (
    <>
      <ProblemAlert error={error} />
      <Form<Given> layout="vertical" requiredMark={false} initialValues={{ user }} onFinish={submit}>
        <Form.Item name="user" label={word.user} rules={needed}>
          <Input autoFocus={!user} autoComplete="username" spellCheck={false} autoCapitalize="none" />
        </Form.Item>
        <Form.Item name="password" label={word.password} rules={needed}>
          <Input.Password autoFocus={user !== undefined} autoComplete="current-password" />
        </Form.Item>
        <Button type="primary" htmlType="submit" block loading={isBusy}>
          {word.title}
        </Button>
      </Form>
    </>
  );
}

export function Login() {
  const word = useWords(own);
  const { language, setLanguage } = useAppearance();
  useEffect(() => {
    document.title = `${word.title} · Sluice`;
  }, [word]);
  return (
    <main className="alone">
      <Card>
        <Typography.Title level={1} className="login-title">
          <img src="favicon.svg" alt="" width={32} height={32} /> Sluice
        </Typography.Title>
        <Fields />
        <Typography.Paragraph type="secondary" className="login-help">
          {word.help}
        </Typography.Paragraph>
        <Button type="link" size="small" onClick={() => setLanguage(language === "zh" ? "en" : "zh")}>
          {word.other}
        </Button>
      </Card>
    </main>
  );
}

// Over the page, which nobody can see or use meanwhile: what was typed there stays.
export function LoginAgain({ user }: { user: string }) {
  const word = useWords(own);
  const { token } = theme.useToken();
  return (
    <Modal
      open
      centered
      title={word.title}
      footer={null}
      closable={false}
      keyboard={false}
      maskClosable={false}
      zIndex={5000}
      styles={{ mask: { background: token.colorBgLayout } }}
    >
      <Alert className="problem" type="info" showIcon message={word.again} />
      <Fields user={user} />
    </Modal>
  );
}
