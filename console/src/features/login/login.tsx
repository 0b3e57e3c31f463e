import { Button, Card, Form, Input, Typography } from "antd";
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
    help: "The first start of the server made the account admin and printed its password once.",
    needed: "Needed",
    other: "简体中文",
  },
  {
    title: "登录",
    user: "用户名",
    password: "密码",
    help: "服务器首次启动时创建了账号 admin，并打印过一次密码。",
    needed: "必填",
    other: "English",
  },
);

interface Given {
  user: string;
  password: string;
}

export function Login() {
  const word = useWords(own);
  const { language, setLanguage } = useAppearance();
  const { logIn } = useLogin();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    document.title = `${word.title} · Sluice`;
  }, [word]);
  const submit = async ({ user, password }: Given) => {
    setBusy(true);
    setError(undefined);
    try {
      await logIn(user, password);
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  const needed = [{ required: true, message: word.needed }];
  return (
    <main className="alone">
      <Card>
        <Typography.Title level={1} className="login-title">
          <img src="favicon.svg" alt="" width={32} height={32} /> Sluice
        </Typography.Title>
        <ProblemAlert error={error} />
        <Form<Given> layout="vertical" requiredMark={false} onFinish={submit}>
          <Form.Item name="user" label={word.user} rules={needed}>
            <Input autoFocus autoComplete="username" spellCheck={false} autoCapitalize="none" />
          </Form.Item>
          <Form.Item name="password" label={word.password} rules={needed}>
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={isBusy}>
            {word.title}
          </Button>
        </Form>
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
